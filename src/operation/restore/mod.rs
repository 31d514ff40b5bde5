//! Restore: an image in, disks out.
//!
//! What makes a disk or a volume recognizable is destroyed first and written last, so that nothing
//! interrupted ever pretends to be whole.

mod bare;
mod boot_entry;
mod carried;
mod kept;
mod placement;
mod transfer;

pub use bare::BareTarget;
pub use kept::KeptOld;
pub use placement::{Assignment, PartitionPlace};

use super::survey::{DiskSurvey, survey};
use crate::block::{BlockSource, BlockTarget};
use crate::error::{Error, ErrorKind, Result};
use crate::hardware::BootEntries;
use crate::image::{Depth, Disk, DiskIdentity, Freshness, Image, ImageId, verify};
use crate::report::{Report, Silent, Stage};
use crate::text::{Message, message};
use crate::units::{Extent, human_bytes};
use placement::Placement;
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

/// What a target is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TargetKind {
    /// A whole disk of this machine.
    Disk,
    /// A partition, or a volume on some layer.
    Volume,
    /// Nobody knows: a plain file can hold a disk or a volume.
    Unknown,
}

/// A disk, partition or plain file that may be written.
pub trait RestoreTarget: Send + Sync {
    /// What a person calls it.
    fn name(&self) -> String;

    /// What tells it from others.
    fn identity(&self) -> DiskIdentity;

    /// Logical sector size in bytes; none for plain files, which take any.
    fn sector_size(&self) -> Option<u32>;

    /// What it is.
    fn kind(&self) -> TargetKind {
        TargetKind::Unknown
    }

    /// Which device or file it is, whatever names it has; none where that is not known.
    fn node(&self) -> Option<(u64, u64)> {
        None
    }

    /// Whether it may be overwritten, as far as can be known without opening it.
    ///
    /// # Errors
    /// [`ErrorKind::Refused`] when it is in use, or holds what must survive.
    fn check(&self) -> Result<()> {
        Ok(())
    }

    /// Opens it for a look.
    ///
    /// # Errors
    /// When it cannot be read.
    fn look(&self) -> Result<Arc<dyn BlockSource>>;

    /// Opens it for writing, alone, after comparing that it is still what `look` saw.
    ///
    /// # Errors
    /// [`ErrorKind::Refused`] when it is in use or not the same any more.
    fn open(&self) -> Result<Arc<dyn BlockTarget>>;

    /// The target that partition `number` of this one, at `extent` in bytes, is by itself, where
    /// the system has one at that very place: a disk whose other partitions are in use cannot be
    /// opened alone.
    fn partition(&self, _number: u32, _extent: Extent) -> Option<Arc<dyn RestoreTarget>> {
        None
    }
}

/// How to restore.
#[derive(Clone, Copy, Debug)]
pub struct RestoreOptions {
    /// Whether the whole image is checked before anything is written.
    pub precheck: bool,
    /// Whether the target is read back.
    pub verify: bool,
    /// Whether a damaged copy of a GPT is made anew from the sound one.
    pub repair_table: bool,
    /// Whether the firmware of this machine is told to start what was restored to whole disks.
    pub boot_entry: bool,
}

impl Default for RestoreOptions {
    fn default() -> Self {
        Self { precheck: true, verify: true, repair_table: false, boot_entry: false }
    }
}

/// One target of a plan.
pub struct TargetPlan {
    placement: Placement,
    /// The number of the disk in the image.
    pub disk: usize,
    /// The target.
    pub target: Arc<dyn RestoreTarget>,
    /// Its size in bytes.
    pub size: u64,
    /// What is on it now and will be lost, in whole or in the chosen partitions.
    pub found: DiskSurvey,
    /// The partitions that are restored; none for the whole disk.
    pub partitions: Option<Vec<PartitionPlace>>,
    /// Bytes to write.
    pub bytes: u64,
}

/// What a restore will do.
pub struct RestorePlan {
    image: Image,
    options: RestoreOptions,
    keep_old: Option<PathBuf>,
    /// The targets.
    pub targets: Vec<TargetPlan>,
    /// What the person should know before.
    pub warnings: Vec<Message>,
}

/// What a restore did.
#[derive(Clone, Debug, Serialize)]
pub struct RestoreOutcome {
    /// The name of the image.
    pub name: String,
    /// Its identity.
    pub image_id: ImageId,
    /// Bytes written.
    pub bytes: u64,
    /// Bytes among them that could not be read when the image was made.
    pub unreadable_bytes: u64,
    /// Seconds it took.
    pub seconds: f64,
    /// Whether the targets were read back.
    pub verified: bool,
    /// What was kept of what the targets held.
    pub kept: Option<KeptOld>,
    /// What the firmware was told to start next.
    pub starts_next: Option<Message>,
    /// What the person should know.
    pub warnings: Vec<Message>,
}

/// Computes what a restore will do. Reads image and targets, writes nothing.
///
/// # Errors
/// [`ErrorKind::Damaged`] when the image is, [`ErrorKind::Refused`] when a target does not fit.
pub fn plan(
    image: Image,
    assignments: Vec<Assignment>,
    options: RestoreOptions,
) -> Result<RestorePlan> {
    let mut targets = Vec::new();
    let mut warnings = Vec::new();
    for assignment in assignments {
        targets.extend(placement::place(&image, assignment, &options, &mut warnings)?);
    }
    for plan in &targets {
        plan.target.check()?;
    }
    let mut plan = RestorePlan { image, options, keep_old: None, targets, warnings };
    let unreadable = plan.unreadable_bytes();
    if unreadable > 0 {
        // What is missing comes first.
        plan.warnings.insert(0, message!("restore-unreadable", size = human_bytes(unreadable)));
    }
    let left_out: Vec<Message> = plan
        .disks(false)
        .map(|disk| message!("restore-left-out", disk = disk.identity.name.as_str()))
        .collect();
    plan.warnings.extend(left_out);
    Ok(plan)
}

fn look_at(target: &dyn RestoreTarget) -> Result<(u64, DiskSurvey)> {
    let disk = target.look()?;
    let found = survey(&[disk.as_ref()], &Silent)?.pop().expect("one disk, one survey");
    Ok((disk.size(), found))
}

fn refused(target: &dyn RestoreTarget, message: Message) -> Error {
    Error::new(ErrorKind::Refused, message).on_device(target.name())
}

impl RestorePlan {
    /// The image.
    pub fn image(&self) -> &Image {
        &self.image
    }

    /// How it is done.
    pub fn options(&self) -> RestoreOptions {
        self.options
    }

    /// Bytes to write.
    pub fn bytes(&self) -> u64 {
        self.targets.iter().fold(0, |sum, target| sum.saturating_add(target.bytes))
    }

    /// The disks of the image of which something is restored, or nothing.
    fn disks(&self, restored: bool) -> impl Iterator<Item = &Disk> {
        let disks = self.image.manifest().disks.iter().enumerate();
        let is_target = |number| self.targets.iter().any(|target| target.disk == number);
        disks.filter(move |(number, _)| is_target(*number) == restored).map(|(_, disk)| disk)
    }

    /// Bytes that could not be read of the disks of which something is restored.
    fn unreadable_bytes(&self) -> u64 {
        let unreadable = self.disks(true).map(|disk| disk.index.unreadable_bytes);
        unreadable.fold(0, u64::saturating_add)
    }

    /// Keeps what the targets are recognized by in a new file, before it is destroyed: tables, boot
    /// sectors, and the first and last mebibyte.
    ///
    /// # Errors
    /// When there is such a file already.
    pub fn keep_old(&mut self, file: PathBuf) -> Result<()> {
        if file.symlink_metadata().is_ok() {
            return Err(Error::new(ErrorKind::Io, message!("restore-keep-exists"))
                .at_path(&file)
                .advise(message!("restore-keep-exists-advice")));
        }
        self.keep_old = Some(file);
        Ok(())
    }

    /// Refuses when a target already is what the image would make of it: the same partition table
    /// or, where none is restored, the same volume. For runs that nobody watches.
    ///
    /// # Errors
    /// [`ErrorKind::Refused`], and what the image or a target could not be read for.
    pub fn check_not_carried(&self) -> Result<()> {
        for plan in &self.targets {
            if carried::is_carried(&self.image, plan)? {
                let name = self.image.manifest().name.as_str();
                return Err(refused(
                    plan.target.as_ref(),
                    message!("restore-carried", name = name),
                )
                .advise(message!("restore-carried-advice")));
            }
        }
        Ok(())
    }

    /// Restores.
    ///
    /// # Errors
    /// What the image, a target or the person ended it with. Before the first byte is written the
    /// image was checked; after it, a target that is not complete is not recognizable as anything.
    pub fn execute(mut self, report: &dyn Report) -> Result<RestoreOutcome> {
        let begun = Instant::now();
        let untouched = |error: Error| error.advise_also(message!("restore-untouched"));
        let opened = self.prepare(report).map_err(untouched)?;
        let kept = self.keep_old.as_deref().map(|file| kept::keep(file, &self.targets));
        let kept = kept.transpose().map_err(untouched)?;
        if let Some(kept) = &kept {
            report.note(&message!(
                "restore-kept-old",
                file = kept.file.display().to_string(),
                commands = kept.commands.join("\n")
            ));
        }
        // From here on the targets are not what they were.
        self.carry_out(&opened, report).map_err(|error| error.advise_also(self.left_behind()))?;
        drop(opened);
        let starts_next = self.announce_to_firmware();
        let unreadable_bytes = self.unreadable_bytes();
        let manifest = self.image.manifest();
        Ok(RestoreOutcome {
            name: manifest.name.clone(),
            image_id: manifest.image_id,
            bytes: self.bytes(),
            unreadable_bytes,
            seconds: begun.elapsed().as_secs_f64(),
            verified: self.options.verify,
            kept,
            starts_next,
            warnings: self.warnings,
        })
    }

    /// Checks the image, and opens all targets.
    fn prepare(&self, report: &dyn Report) -> Result<Vec<Arc<dyn BlockTarget>>> {
        if self.options.precheck {
            verify(&self.image, Depth::Full, Freshness::Any, Stage::Precheck, report)?;
        }
        // All targets are opened, and so proven to be free, before the first is touched.
        let opened =
            self.targets.iter().map(|plan| plan.target.open()).collect::<Result<Vec<_>>>()?;
        report.check()?;
        Ok(opened)
    }

    /// What an attempt that failed has left on the targets.
    fn left_behind(&self) -> Message {
        let in_partitions = |target: &TargetPlan| {
            let places = target.partitions.as_ref();
            places.is_some_and(|places| {
                places.iter().all(|place| matches!(place, PartitionPlace::Number(..)))
            })
        };
        match self.targets.iter().all(in_partitions) {
            true => message!("restore-incomplete-partitions-advice"),
            false => message!("restore-incomplete-advice"),
        }
    }

    /// What was restored is whole without it: what fails here is a warning.
    fn announce_to_firmware(&mut self) -> Option<Message> {
        let entries = BootEntries::at(Path::new("/")).filter(|_| self.options.boot_entry)?;
        let disks = &self.image.manifest().disks;
        boot_entry::announce(&entries, disks, &self.targets).unwrap_or_else(|error| {
            let why = error.message().clone();
            self.warnings.push(message!("restore-no-boot-entry", why = why));
            None
        })
    }

    fn carry_out(&mut self, opened: &[Arc<dyn BlockTarget>], report: &dyn Report) -> Result<()> {
        report.begin(Stage::Restore, self.bytes());
        for (plan, target) in self.targets.iter().zip(opened) {
            transfer::write(&self.image, plan, target.as_ref(), report)?;
        }
        report.end();
        if self.options.verify {
            report.begin(Stage::VerifyTarget, self.bytes());
            for (plan, target) in self.targets.iter().zip(opened) {
                transfer::verify(&self.image, plan, target.as_ref(), report)?;
            }
            report.end();
        }
        // Everything else stands and is proven: now the disks become what they are.
        for (plan, target) in self.targets.iter().zip(opened) {
            transfer::complete(&self.image, plan, target.as_ref(), self.options.verify)?;
            if plan.partitions.is_none()
                && let Err(error) = target.announce_table()
            {
                self.warnings.push(error.message().clone());
            }
        }
        Ok(())
    }
}
