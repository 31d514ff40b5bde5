//! What is on a disk and which of its bytes are in use. Reads only, writes nothing.

use crate::block::{BlockSource, Window};
use crate::error::Result;
use crate::filesystem::{self, Budget, Reading, Used, Volume, VolumeKind};
use crate::image::{Saved, System};
use crate::operation::system;
use crate::partition::{self, Partition, PartitionTable, Scheme, TableReading};
use crate::report::Report;
use crate::text::{Message, message};
use crate::units::{Extent, ExtentMap, MIB, human_bytes};
use std::collections::BTreeSet;

/// Space without a partition up to this length is always saved, in bytes: boot loaders, RAID and
/// licence data hide there.
const SMALL_GAP: u64 = 16 * MIB;
/// The space before the first partition is saved up to this length, in bytes: boot loaders of
/// every kind fit.
const HEAD: u64 = 64 * MIB;
/// The end of the disk that is always saved, in bytes: backup GPT and RAID metadata.
const TAIL: u64 = MIB;
/// Extents that one disk's map may have, over all its volumes.
const EXTENTS_PER_DISK: usize = 1 << 20;

/// A volume on a disk.
#[derive(Clone, Debug)]
pub struct SurveyedVolume {
    /// Its partition; none when the volume is the disk itself.
    pub partition: Option<Partition>,
    /// Its place on the disk, in bytes, as far as it lies on it.
    pub extent: Extent,
    /// What it contains and what is in use.
    pub reading: Reading,
    /// The system found in it.
    pub system: Option<System>,
}

impl SurveyedVolume {
    /// The number of its partition.
    pub fn number(&self) -> Option<u32> {
        self.partition.as_ref().map(|partition| partition.number)
    }

    /// What it contains.
    pub fn content(&self) -> &Volume {
        &self.reading.volume
    }

    /// What is known to be in use, or what `choice` takes for that; else why all of it is saved.
    pub fn used(&self, choice: &Choice) -> std::result::Result<&Used, &Message> {
        match &self.reading.unproven {
            Some(found) if choice.unproven => Ok(found),
            _ => self.reading.used.as_ref(),
        }
    }
}

/// What a disk holds.
#[derive(Clone, Debug)]
pub struct DiskSurvey {
    /// Size in bytes.
    pub size: u64,
    /// The table that is believed.
    pub table: PartitionTable,
    /// The volumes in the order of their partitions.
    pub volumes: Vec<SurveyedVolume>,
    /// Why the table cannot be trusted: the disk is then saved whole.
    pub doubt: Option<Message>,
    /// What is remarkable, for a person.
    pub notes: Vec<Message>,
    /// Space without a partition in which something was recognized, in bytes of the disk.
    found_in_gaps: Vec<(Extent, VolumeKind)>,
}

impl DiskSurvey {
    /// Whether a copy of a table lies where none is believed.
    pub fn has_stray_table(&self) -> bool {
        self.table
            .problems
            .iter()
            .chain(&self.notes)
            .any(|note| note.id() == "partition-gpt-old-backup")
    }
}

/// How a volume goes into an image.
#[derive(Clone, Debug)]
pub struct VolumeUse {
    /// How it is saved.
    pub saved: Saved,
    /// Why it is saved whole, or why its used bytes are believed where a person asked for that.
    pub reason: Option<Message>,
    /// Its used bytes, as bytes of the disk.
    pub extents: ExtentMap,
}

/// Which volumes of a disk are wanted.
#[derive(Clone, Debug, Default)]
pub struct Choice {
    /// Only the partitions with these numbers; none for the whole disk.
    pub partitions: Option<BTreeSet<u32>>,
    /// Every byte, whatever is in use.
    pub raw: bool,
    /// Believe readers that have not been proven.
    pub unproven: bool,
}

/// A list of partitions for a person.
pub(in crate::operation) fn partition_list(partitions: impl Iterator<Item = u32>) -> String {
    let list: Vec<String> = partitions.map(|number| number.to_string()).collect();
    if list.is_empty() { "–".to_owned() } else { list.join(", ") }
}

/// A disk that gives nothing any more once the person asked to stop, so that whoever reads it comes
/// to an end.
struct Stoppable<'a> {
    disk: &'a dyn BlockSource,
    report: &'a dyn Report,
}

impl BlockSource for Stoppable<'_> {
    fn size(&self) -> u64 {
        self.disk.size()
    }

    fn sector_size(&self) -> u32 {
        self.disk.sector_size()
    }

    fn name(&self) -> String {
        self.disk.name()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        self.report.check()?;
        self.disk.read_at(offset, buffer)
    }
}

/// Surveys disks together, since volumes may span them.
///
/// # Errors
/// [`ErrorKind::Interrupted`](crate::error::ErrorKind::Interrupted) when `report` says so. What
/// cannot be read is no error: it makes a volume uncertain.
pub fn survey(disks: &[&dyn BlockSource], report: &dyn Report) -> Result<Vec<DiskSurvey>> {
    let stoppable: Vec<Stoppable<'_>> =
        disks.iter().map(|disk| Stoppable { disk: *disk, report }).collect();
    let disks: Vec<&dyn BlockSource> = stoppable.iter().map(|disk| disk as _).collect();
    let surveys = survey_all(&disks);
    report.check()?;
    Ok(surveys)
}

fn survey_all(disks: &[&dyn BlockSource]) -> Vec<DiskSurvey> {
    let tables: Vec<(PartitionTable, Option<Message>)> =
        disks.iter().map(|disk| believed_table(*disk)).collect();

    let mut windows = Vec::new();
    let mut places = Vec::new();
    for (number, (disk, (table, _))) in disks.iter().zip(&tables).enumerate() {
        for (partition, extent) in volume_places(*disk, table) {
            windows.push(Window::new(*disk, extent));
            places.push((number, partition, extent));
        }
    }
    let sources: Vec<&dyn BlockSource> = windows.iter().map(|window| window as _).collect();
    let budget = Budget { extents: (EXTENTS_PER_DISK / sources.len().max(1)).max(1 << 12) };
    let readings = filesystem::read(&sources, budget);
    let missing_parts = filesystem::missing_parts(&sources, &readings);

    let mut surveys: Vec<DiskSurvey> = disks
        .iter()
        .zip(tables)
        .map(|(disk, (table, doubt))| DiskSurvey {
            size: disk.size(),
            notes: table.problems.clone(),
            table,
            volumes: Vec::new(),
            doubt,
            found_in_gaps: Vec::new(),
        })
        .collect();
    for (((number, partition, extent), mut reading), window) in
        places.iter().cloned().zip(readings).zip(&windows)
    {
        if partition.as_ref().is_some_and(|partition| partition.extent != extent) {
            reading.doubt(message!("filesystem-partition-past-end"));
        }
        let table = &surveys[number].table;
        let system = system::identify(window, &reading.volume)
            .or_else(|| system::identify_by_table(&reading.volume, partition.as_ref()?, table));
        surveys[number].volumes.push(SurveyedVolume { partition, extent, reading, system });
    }
    for ((number, ..), note) in places.iter().zip(missing_parts) {
        surveys[*number].notes.extend(note);
    }
    for (survey, disk) in surveys.iter_mut().zip(disks) {
        survey.look_into_gaps(*disk);
    }
    surveys
}

/// The table to use: where the copies of a GPT disagree, the one that agrees with the volumes.
fn believed_table(disk: &dyn BlockSource) -> (PartitionTable, Option<Message>) {
    let TableReading { table, alternative, doubt } = partition::read(disk);
    let Some(alternative) = alternative else { return (table, doubt) };
    // A volume that is recognized and fits its partition speaks for the table.
    let agreement = |table: &PartitionTable| {
        volume_places(disk, table)
            .into_iter()
            .filter(|(_, extent)| {
                let window = Window::new(disk, *extent);
                let volume = filesystem::identify(&window);
                volume.kind != VolumeKind::Unknown
                    && volume.length.is_none_or(|length| length <= extent.length)
            })
            .count()
    };
    if agreement(&alternative) > agreement(&table) { (alternative, doubt) } else { (table, doubt) }
}

/// Where volumes can be: every partition that is no container, or the disk itself.
fn volume_places(
    disk: &dyn BlockSource,
    table: &PartitionTable,
) -> Vec<(Option<Partition>, Extent)> {
    let whole = Extent::new(0, disk.size());
    if table.scheme == Scheme::None {
        return vec![(None, whole)];
    }
    table
        .partitions
        .iter()
        .filter(|partition| !partition.extended)
        .filter_map(|partition| {
            Some((Some(partition.clone()), partition.extent.intersection(whole)?))
        })
        .collect()
}

impl DiskSurvey {
    /// Space of the disk that belongs to no partition and is not part of the table.
    fn gaps(&self) -> Vec<Extent> {
        let taken: ExtentMap = self
            .volumes
            .iter()
            .map(|volume| volume.extent)
            .chain(self.table.regions.iter().map(|region| region.extent))
            .collect();
        taken.gaps_within(Extent::new(0, self.size)).collect()
    }

    fn look_into_gaps(&mut self, disk: &dyn BlockSource) {
        if self.table.scheme == Scheme::None || self.doubt.is_some() {
            return;
        }
        for gap in self.gaps() {
            if gap.length <= SMALL_GAP {
                continue;
            }
            // Lost partitions begin at the gap or at the next mebibyte.
            let starts = [gap.offset, gap.offset.next_multiple_of(MIB)];
            let found = starts.into_iter().find_map(|start| {
                let window = Window::new(disk, Extent::between(start, gap.end()));
                let kind = filesystem::identify(&window).kind;
                (kind != VolumeKind::Unknown).then_some(kind)
            });
            if let Some(kind) = found {
                self.notes.push(message!(
                    "survey-found-in-gap",
                    kind = kind.name(),
                    offset = human_bytes(gap.offset),
                    size = human_bytes(gap.length)
                ));
                self.found_in_gaps.push((gap, kind));
            }
        }
    }

    /// The used bytes of the disk outside of its volumes: tables, boot code, small gaps.
    fn outside_volumes(&self) -> ExtentMap {
        let first = self.volumes.iter().map(|volume| volume.extent.offset).min();
        let head = Extent::between(0, first.unwrap_or(self.size).min(HEAD));
        let tail = Extent::between(self.size.saturating_sub(TAIL), self.size);
        let gaps = self.gaps();
        let kept = gaps.iter().filter(|gap| {
            gap.length <= SMALL_GAP || self.found_in_gaps.iter().any(|(found, _)| found == *gap)
        });
        // The tail of the disk may be the tail of its last volume, which has a map of its own.
        let edges = gaps
            .iter()
            .flat_map(|gap| [gap.intersection(head), gap.intersection(tail)].into_iter().flatten());
        kept.copied().chain(edges).chain(self.table_extents()).collect()
    }

    fn table_extents(&self) -> impl Iterator<Item = Extent> + '_ {
        let disk = Extent::new(0, self.size);
        self.table.regions.iter().filter_map(move |region| region.extent.intersection(disk))
    }

    /// How each volume is saved, in their order, and the used-extent map of the disk.
    pub fn used(&self, choice: &Choice) -> (Vec<VolumeUse>, ExtentMap) {
        let align = u64::from(self.table.sector_size.max(512));
        let mut uses: Vec<VolumeUse> =
            self.volumes.iter().map(|volume| self.volume_use(volume, choice)).collect();
        for volume in &mut uses {
            // Blocks of a file system can be smaller than a sector.
            volume.extents = volume.extents.aligned_outward(align, self.size);
        }
        let whole_disk = choice.partitions.is_none() && (choice.raw || self.doubt.is_some());
        let mut map = if whole_disk {
            ExtentMap::whole(Extent::new(0, self.size))
        } else if choice.partitions.is_some() {
            self.table_extents().collect()
        } else {
            self.outside_volumes()
        };
        for volume in &uses {
            map = map.union(&volume.extents);
        }
        (uses, map.aligned_outward(align, self.size))
    }

    fn volume_use(&self, volume: &SurveyedVolume, choice: &Choice) -> VolumeUse {
        let skipped = choice
            .partitions
            .as_ref()
            .is_some_and(|wanted| volume.number().is_none_or(|number| !wanted.contains(&number)));
        if skipped {
            return VolumeUse { saved: Saved::Skipped, reason: None, extents: ExtentMap::new() };
        }
        let whole = |reason: Option<Message>| VolumeUse {
            saved: Saved::Whole,
            reason,
            extents: ExtentMap::whole(volume.extent),
        };
        if choice.raw {
            return whole(Some(message!("survey-raw")));
        }
        if let Some(doubt) = &self.doubt {
            return whole(Some(doubt.clone()));
        }
        match volume.used(choice) {
            Ok(used) => {
                let limit = Extent::new(0, volume.extent.length);
                let inside: ExtentMap =
                    used.extents.iter().filter_map(|extent| extent.intersection(limit)).collect();
                VolumeUse {
                    saved: Saved::Used,
                    reason: volume.reading.unproven.is_some().then(|| message!("survey-unproven")),
                    extents: inside.shifted(volume.extent.offset),
                }
            }
            Err(doubt) => whole(Some(doubt.clone())),
        }
    }

    /// The system that seems to be on the disk, for its description and for names.
    pub fn system(&self) -> Option<System> {
        let found: Vec<&System> =
            self.volumes.iter().filter_map(|volume| volume.system.as_ref()).collect();
        found
            .iter()
            .find(|system| system.host_name.is_some())
            .or(found.first())
            .map(|system| (*system).clone())
    }

    /// Bytes in use of all volumes, and whether that is known of each of them.
    pub fn used_bytes(&self) -> u64 {
        self.used(&Choice::default()).1.total_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::block::memory::MemoryDisk;
    use crate::error::ErrorKind;
    use crate::report::Stage;
    use std::sync::atomic::{AtomicU32, Ordering};

    /// Counts how often it is asked, and asks to stop from the fourth time on.
    struct Stops(AtomicU32);

    impl Report for Stops {
        fn begin(&self, _: Stage, _: u64) {}
        fn advance(&self, _: u64) {}
        fn end(&self) {}
        fn note(&self, _: &Message) {}
        fn is_interrupted(&self) -> bool {
            self.0.fetch_add(1, Ordering::SeqCst) >= 3
        }
    }

    #[test]
    fn a_survey_can_be_stopped_at_any_read() {
        let disk = MemoryDisk::new(vec![0; 1 << 20]);
        let error = survey(&[&disk], &Stops(AtomicU32::new(0))).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Interrupted);
    }
}
