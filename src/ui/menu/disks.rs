//! Choosing among the disks of the machine, which can change while they are shown.

use super::ask::{Answer, Person, Tick};
use super::describe;
use super::screen::{Choice, List};
use super::terminal::View;
use crate::block::device::{Access, Device};
use crate::hardware::smart::{self, Health};
use crate::hardware::usage::{Use, disks_under, uses_of};
use crate::hardware::{Disk, Inventory, selector};
use crate::operation::survey::{DiskSurvey, survey};
use crate::report::Silent;
use crate::text::{Message, message};
use crate::units::human_bytes;
use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// What is known of the contents of a disk.
#[derive(Clone)]
pub(super) enum Look {
    /// It is being looked at.
    Pending,
    /// It could not be read.
    Failed(Message),
    /// What is on it.
    Done(Arc<DiskSurvey>),
}

/// What disks are wanted for.
#[derive(Clone, Debug)]
pub(super) enum Purpose {
    /// To read them.
    Save,
    /// To overwrite one.
    Restore(Keep),
    /// To see what is there.
    Show,
}

/// Where the image is, which must not be overwritten, and what it needs.
#[derive(Clone, Debug, Default)]
pub(super) struct Keep {
    /// Its folder.
    pub(super) folder: Option<PathBuf>,
    /// The kernel's name of its disk.
    pub(super) disk: Option<String>,
    /// The least size of a target, where all of a disk is restored.
    pub(super) least: Option<u64>,
    /// The size of a target's sectors.
    pub(super) sector_size: Option<u32>,
}

impl Keep {
    /// Why what is in the image cannot work on this disk.
    fn misfit(&self, disk: &Disk) -> Option<Message> {
        if let Some(sector_size) = self.sector_size.filter(|size| *size != disk.logical_sector_size)
        {
            let target = disk.logical_sector_size;
            return Some(message!("restore-sector-size", image = sector_size, target = target));
        }
        let least = self.least.filter(|least| *least > disk.size)?;
        Some(message!(
            "restore-too-small",
            needed = human_bytes(least),
            there = human_bytes(disk.size),
            missing = human_bytes(least - disk.size)
        ))
    }
}

/// A disk, its contents, and why it cannot be used.
#[derive(Clone)]
pub(super) struct Seen {
    pub(super) disk: Disk,
    pub(super) look: Look,
    pub(super) blocked: Option<String>,
}

/// What tells a disk from another that takes its name later.
type Key = (String, Option<u64>, u64);

fn key(disk: &Disk) -> Key {
    (disk.kernel_name.clone(), disk.sequence, disk.size)
}

/// Looks at the disks again and again. Each disk is read by a thread of its own: one that does
/// not answer keeps nobody waiting.
pub(super) struct DiskWatch {
    purpose: Purpose,
    looks: Arc<Mutex<HashMap<Key, (Look, Health)>>>,
    inventory: Inventory,
}

impl DiskWatch {
    pub(super) fn new(purpose: Purpose) -> Self {
        Self { purpose, looks: Arc::default(), inventory: Inventory::read(Path::new("/")) }
    }

    /// The disks as they are now.
    pub(super) fn look(&mut self) -> Vec<Seen> {
        self.inventory = Inventory::read(Path::new("/"));
        let mut looks = self.looks.lock().expect("no holder panics");
        for disk in &self.inventory.disks {
            looks.entry(key(disk)).or_insert_with(|| {
                let (disk, looks) = (disk.clone(), self.looks.clone());
                // It may never come back: then the disk stays "being looked at".
                std::thread::spawn(move || {
                    let found = look_at(&disk);
                    looks.lock().expect("no holder panics").insert(key(&disk), found);
                });
                (Look::Pending, Health::default())
            });
        }
        // What is inside the machine comes first: that is what is saved and restored.
        let mut disks: Vec<&Disk> = self.inventory.disks.iter().collect();
        disks.sort_by_key(|disk| !disk.internal);
        disks
            .into_iter()
            .map(|disk| {
                let mut disk = disk.clone();
                let known = looks.get(&key(&disk));
                let look = known.map_or(Look::Pending, |(look, _)| look.clone());
                if let Some((_, health)) = known {
                    disk.health = *health;
                }
                let blocked = blocked(&disk, &look, &self.purpose);
                Seen { disk, look, blocked: blocked.map(|reason| reason.to_string()) }
            })
            .collect()
    }

    /// Controllers whose disks cannot be seen, for people.
    pub(super) fn hidden(&self) -> Vec<String> {
        self.inventory.hidden.iter().map(|hidden| hidden.message.to_string()).collect()
    }

    /// The word that means this disk, after the next start too where that is possible.
    pub(super) fn word(&self, kernel_name: &str) -> Option<String> {
        let disk = self.inventory.disk(kernel_name)?;
        Some(word(disk, &self.inventory))
    }
}

/// A name of the disk that lasts, else its node.
pub(super) fn word(disk: &Disk, inventory: &Inventory) -> String {
    let lasting = |name: &&String| !name.starts_with("wwn-") && !name.contains("eui.");
    let names = disk.names.iter().filter(lasting).chain(&disk.names);
    let by_id = names.map(|name| format!("/dev/disk/by-id/{name}"));
    // A disk without a name of its own is known by where it is plugged in.
    let by_path = disk.transport_path.iter().map(|path| format!("/dev/disk/by-path/{path}"));
    for word in by_id.chain(by_path) {
        let means = selector::resolve(&word, inventory).ok().and_then(|selected| selected.disk);
        if means.as_deref() == Some(disk.kernel_name.as_str()) {
            return word;
        }
    }
    disk.path.display().to_string()
}

fn look_at(disk: &Disk) -> (Look, Health) {
    let mut disk = disk.clone();
    smart::fill(std::slice::from_mut(&mut disk), Path::new("/sys"));
    let look = match Device::open(&disk.path, Access::Look) {
        Err(error) => Look::Failed(error.message().clone()),
        Ok(device) => match survey(&[&device], &Silent).ok().and_then(|mut found| found.pop()) {
            Some(found) => Look::Done(Arc::new(found)),
            None => Look::Pending,
        },
    };
    (look, disk.health)
}

/// Why a disk cannot serve a purpose.
fn blocked(disk: &Disk, look: &Look, purpose: &Purpose) -> Option<Message> {
    if disk.size == 0 {
        return Some(message!("menu-disk-empty-drive"));
    }
    let uses = match purpose {
        Purpose::Show => return None,
        Purpose::Save | Purpose::Restore(_) => uses_of(&disk.path).unwrap_or_default(),
    };
    let of = |found: &[&Use]| -> Option<Message> {
        let first = found.first()?;
        Some(message!("menu-disk-in-use", use = first.message()))
    };
    let Purpose::Restore(keep) = purpose else {
        return of(&uses.iter().filter(|found| !found.never_writes()).collect::<Vec<_>>());
    };
    let number = std::fs::metadata(&disk.path).ok().map(|metadata| {
        use std::os::unix::fs::MetadataExt as _;
        metadata.rdev()
    });
    let holds = |folder: &Path| {
        let disks: BTreeSet<u64> = disks_under(folder).unwrap_or_default();
        number.is_some_and(|number| disks.contains(&number))
    };
    let is_kept = keep.disk.as_deref() == Some(disk.kernel_name.as_str());
    if is_kept || keep.folder.as_deref().is_some_and(holds) {
        return Some(message!("menu-disk-holds-image"));
    }
    if holds(Path::new("/")) {
        return Some(message!("devices-target-runs-system"));
    }
    if is_our_medium(look) {
        return Some(message!("menu-disk-is-calco"));
    }
    if disk.read_only {
        return Some(message!("devices-target-read-only"));
    }
    of(&uses.iter().collect::<Vec<_>>()).or_else(|| keep.misfit(disk))
}

/// Whether the disk is a medium of this program: the one it was started from, most likely.
fn is_our_medium(look: &Look) -> bool {
    let Look::Done(survey) = look else { return false };
    survey.volumes.iter().any(|volume| {
        let label = volume.content().label.as_deref().unwrap_or_default();
        volume.content().kind == crate::filesystem::VolumeKind::Iso9660
            && label.to_ascii_uppercase().starts_with("CALCO")
    })
}

/// What can be picked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Pick {
    /// The disk with this name of the kernel's.
    Disk(String),
    /// A device or plain file that is typed.
    Path,
}

fn choice(seen: &Seen, view: View) -> Choice<Pick> {
    let pick = Pick::Disk(seen.disk.kernel_name.clone());
    let mut choice = Choice::new(pick, describe::disk_line(&seen.disk));
    match &seen.look {
        _ if seen.disk.size == 0 => {}
        Look::Pending => choice = choice.detail(message!("menu-disk-pending")),
        Look::Failed(why) => choice = choice.detail(why),
        Look::Done(survey) => {
            choice = choice.detail(describe::contents(survey));
            let bar = describe::bar(survey, view);
            if !bar.is_empty() {
                choice = choice.detail(bar);
            }
        }
    }
    choice.warning = describe::health_warning(&seen.disk).map(|warning| warning.to_string());
    choice.blocked = seen
        .blocked
        .as_ref()
        .map(|reason| message!("menu-blocked", reason = reason.as_str()).to_string());
    choice
}

/// The screen of the disks.
pub(super) fn list(
    title: &Message,
    text: &Message,
    seen: &[Seen],
    hidden: &[String],
    with_path: bool,
    view: View,
) -> List<Pick> {
    let mut choices: Vec<Choice<Pick>> = seen.iter().map(|seen| choice(seen, view)).collect();
    if with_path {
        choices.push(Choice::new(Pick::Path, message!("menu-type-path")));
    }
    let mut list = List::new(title, choices).text(text);
    if seen.is_empty() {
        list = list.warning(message!("menu-no-disks"));
    }
    for line in hidden {
        list = list.warning(line);
    }
    list
}

/// Lets the person choose disks. `keep` hides disks that are none of the choices.
pub(super) fn choose(
    person: &mut Person,
    watch: &mut DiskWatch,
    title: &Message,
    text: &Message,
    many: bool,
    with_path: bool,
) -> Answer<Vec<Pick>> {
    let view = person.view();
    let mut make = || {
        let seen = watch.look();
        let mut list = list(title, text, &seen, &watch.hidden(), with_path, view);
        list.many = many;
        list
    };
    let first = make();
    person.choose_some(first, || Tick::New(make()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_on_which_the_image_cannot_work_is_blocked() {
        let disk = |size: u64, sector: u32| {
            let mut seen = crate::ui::menu::tests::seen(Look::Pending, false);
            (seen.disk.size, seen.disk.logical_sector_size) = (size, sector);
            seen.disk
        };
        let keep = |least: Option<u64>| Keep { least, sector_size: Some(512), ..Keep::default() };
        let why = |keep: &Keep, disk: Disk| keep.misfit(&disk).map(|why| why.id().to_owned());
        assert_eq!(why(&keep(Some(1 << 30)), disk(1 << 30, 512)), None);
        assert_eq!(
            why(&keep(Some(1 << 30)), disk((1 << 30) - 512, 512)).as_deref(),
            Some("restore-too-small")
        );
        assert_eq!(why(&keep(None), disk(1 << 20, 512)), None, "single partitions");
        assert_eq!(why(&keep(None), disk(1 << 40, 4096)).as_deref(), Some("restore-sector-size"));
    }
}
