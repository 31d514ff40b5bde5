//! What to do, in one vocabulary: the command line, the menu, the kernel's command line and job
//! files all produce a [`Job`].

use crate::codec::Level;
use crate::error::{Error, ErrorKind, Result};
use crate::hardware::{Inventory, selector};
use crate::text::{message, quoted};
use crate::units::parse_bytes;
use clap::{Args, Subcommand, ValueHint};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// One thing to do. Help texts are looked up by the names of commands and options.
#[derive(Clone, PartialEq, Debug, Subcommand, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Job {
    /// List the disks.
    Disks(DisksJob),
    /// Show what is in use.
    Map(MapJob),
    /// Disks in, an image out.
    Save(SaveJob),
    /// An image in, disks out.
    Restore(RestoreJob),
    /// Replicate an image.
    Copy(CopyJob),
    /// Check images.
    Verify(VerifyJob),
    /// List the images of a destination.
    Images(ImagesJob),
    /// Describe an image.
    Show(ShowJob),
    /// Delete an image.
    Delete(DeleteJob),
    /// Remove what unfinished saves left.
    Prune(PruneJob),
    /// Write manual pages and shell completions.
    #[command(hide = true)]
    Generate(GenerateJob),
}

/// List the disks.
#[derive(Clone, PartialEq, Debug, Default, Args, Serialize, Deserialize)]
pub struct DisksJob {}

/// Show what is in use.
#[derive(Clone, PartialEq, Debug, Args, Serialize, Deserialize)]
pub struct MapJob {
    /// A disk or an image.
    #[arg(value_name = "SOURCE|IMAGE", value_hint = ValueHint::AnyPath)]
    pub source: String,
    /// Believe readers that have not been proven.
    #[arg(long)]
    #[serde(default)]
    pub unproven: bool,
}

/// Disks in, an image out.
#[derive(Clone, PartialEq, Debug, Args, Serialize, Deserialize)]
pub struct SaveJob {
    /// The disks.
    #[arg(required = true, value_name = "SOURCE", value_hint = ValueHint::AnyPath)]
    pub sources: Vec<String>,
    /// The destination.
    #[arg(long, value_name = "DEST", value_hint = ValueHint::DirPath)]
    pub to: String,
    /// The name of the image.
    #[arg(long, value_name = "NAME")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Only these partitions: `sda:1,3`, or `1,3` where there is one disk.
    #[arg(long, value_name = "DISK:LIST")]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub partitions: Vec<String>,
    /// Every byte.
    #[arg(long)]
    #[serde(default)]
    pub raw: bool,
    /// Believe readers that have not been proven.
    #[arg(long)]
    #[serde(default)]
    pub unproven: bool,
    /// Compression.
    #[arg(long, value_name = "LEVEL", default_value = "auto", value_parser = parse_level)]
    #[serde(default)]
    pub level: Level,
    /// Longest pack, in bytes.
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split: Option<u64>,
    /// What to remember.
    #[arg(long, value_name = "TEXT")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Replace an image of the same name.
    #[arg(long)]
    #[serde(default)]
    pub replace: bool,
    /// Do not read the image back.
    #[arg(long)]
    #[serde(default)]
    pub no_verify: bool,
    /// Show the plan and stop.
    #[arg(long)]
    #[serde(default)]
    pub dry_run: bool,
}

/// An image in, disks out.
#[derive(Clone, PartialEq, Debug, Args, Serialize, Deserialize)]
pub struct RestoreJob {
    /// The image.
    #[arg(value_name = "IMAGE", value_hint = ValueHint::DirPath)]
    pub image: String,
    /// The targets: one, or `NAME=TARGET` for each disk of the image.
    #[arg(long, value_name = "[NAME=]TARGET", value_hint = ValueHint::AnyPath)]
    #[serde(default)]
    pub to: Vec<String>,
    /// Only these partitions.
    #[arg(long, value_name = "[DISK:]LIST")]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub partitions: Vec<String>,
    /// Where a partition goes: `2=5`, or `2=/dev/sdb3`.
    #[arg(long, value_name = "NUMBER=TARGET")]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub place: Vec<String>,
    /// Make a damaged copy of a GPT anew.
    #[arg(long)]
    #[serde(default)]
    pub repair_table: bool,
    /// In the live system, do not tell the firmware to start what was restored.
    #[arg(long)]
    #[serde(default)]
    pub no_boot: bool,
    /// Keep what the targets are recognized by in this file.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep_old: Option<PathBuf>,
    /// Restore unattended to a target that carries the image's table already.
    #[arg(long)]
    #[serde(default)]
    pub again: bool,
    /// Ask nothing.
    #[arg(long)]
    #[serde(default)]
    pub yes: bool,
    /// Do not check the image first.
    #[arg(long)]
    #[serde(default)]
    pub no_precheck: bool,
    /// Do not read the target back.
    #[arg(long)]
    #[serde(default)]
    pub no_verify: bool,
    /// Show the plan and stop.
    #[arg(long)]
    #[serde(default)]
    pub dry_run: bool,
}

/// Replicate an image.
#[derive(Clone, PartialEq, Debug, Args, Serialize, Deserialize)]
pub struct CopyJob {
    /// The image.
    #[arg(value_name = "IMAGE", value_hint = ValueHint::DirPath)]
    pub image: String,
    /// The destination.
    #[arg(long, value_name = "DEST", value_hint = ValueHint::DirPath)]
    pub to: String,
    /// The name of the copy.
    #[arg(long, value_name = "NAME")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Show the plan and stop.
    #[arg(long)]
    #[serde(default)]
    pub dry_run: bool,
}

/// Check images.
#[derive(Clone, PartialEq, Debug, Args, Serialize, Deserialize)]
pub struct VerifyJob {
    /// The images.
    #[arg(required = true, value_name = "IMAGE", value_hint = ValueHint::DirPath)]
    pub images: Vec<String>,
    /// Only what describes them.
    #[arg(long)]
    #[serde(default)]
    pub quick: bool,
}

/// List the images of a destination.
#[derive(Clone, PartialEq, Debug, Args, Serialize, Deserialize)]
pub struct ImagesJob {
    /// The destinations.
    #[arg(required = true, value_name = "DEST", value_hint = ValueHint::DirPath)]
    pub destinations: Vec<String>,
}

/// Describe an image.
#[derive(Clone, PartialEq, Debug, Args, Serialize, Deserialize)]
pub struct ShowJob {
    /// The image.
    #[arg(value_name = "IMAGE", value_hint = ValueHint::DirPath)]
    pub image: String,
}

/// Delete an image.
#[derive(Clone, PartialEq, Debug, Args, Serialize, Deserialize)]
pub struct DeleteJob {
    /// The image.
    #[arg(value_name = "IMAGE", value_hint = ValueHint::DirPath)]
    pub image: String,
    /// Ask nothing.
    #[arg(long)]
    #[serde(default)]
    pub yes: bool,
}

/// Remove what unfinished saves left.
#[derive(Clone, PartialEq, Debug, Args, Serialize, Deserialize)]
pub struct PruneJob {
    /// The destination.
    #[arg(value_name = "DEST", value_hint = ValueHint::DirPath)]
    pub destination: String,
    /// Remove unfinished images.
    #[arg(long, required = true)]
    #[serde(default)]
    pub unfinished: bool,
    /// Ask nothing.
    #[arg(long)]
    #[serde(default)]
    pub yes: bool,
}

/// Write manual pages and shell completions.
#[derive(Clone, PartialEq, Debug, Args, Serialize, Deserialize)]
pub struct GenerateJob {
    /// The folder for `man` and `completions`.
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub folder: PathBuf,
}

fn parse_level(text: &str) -> std::result::Result<Level, String> {
    text.parse().map_err(|error: Error| error.to_string())
}

fn parse_size(text: &str) -> std::result::Result<u64, String> {
    parse_bytes(text).ok_or_else(|| message!("cli-not-a-size", text = text).to_string())
}

/// Partitions of a disk: the disk's name where one is given, and the numbers.
///
/// # Errors
/// [`ErrorKind::Usage`].
pub fn parse_partitions(text: &str) -> Result<(Option<String>, Vec<u32>)> {
    let wrong = || {
        Error::new(ErrorKind::Usage, message!("cli-not-partitions", text = text))
            .advise(message!("cli-not-partitions-advice"))
    };
    let (disk, list) = match text.rsplit_once(':') {
        Some((disk, list)) => (Some(disk.to_owned()), list),
        None => (None, text),
    };
    let mut numbers: Vec<u32> = list
        .split(',')
        .map(|number| number.trim().parse().ok().filter(|number| *number > 0))
        .collect::<Option<_>>()
        .ok_or_else(wrong)?;
    if disk.as_deref() == Some("") {
        return Err(wrong());
    }
    let mut seen = std::collections::BTreeSet::new();
    numbers.retain(|number| seen.insert(*number));
    Ok((disk, numbers))
}

/// A word that is no option, as a shell takes it, whatever it begins with.
fn operand(word: &str) -> String {
    match word.starts_with('-') {
        true => quoted(&format!("./{word}")),
        false => quoted(word),
    }
}

impl SaveJob {
    /// Which source is meant by `disk` before numbers of partitions: the word of a source, the end of
    /// its path, or another word for the same disk.
    pub fn source_meant(&self, disk: &str, inventory: &Inventory) -> Option<usize> {
        let only = |accept: &dyn Fn(&str) -> bool| {
            let mut found = self.sources.iter().enumerate().filter(|(_, source)| accept(source));
            found.next().map(|(position, _)| position).filter(|_| found.next().is_none())
        };
        let node = |word: &str| {
            let path = selector::resolve(word, inventory).ok()?.path;
            Some(std::fs::canonicalize(&path).unwrap_or(path))
        };
        let ends_with = |source: &str| Path::new(source).file_name().is_some_and(|end| end == disk);
        only(&|source| source == disk).or_else(|| only(&ends_with)).or_else(|| {
            let meant = node(disk)?;
            only(&|source| node(source).as_ref() == Some(&meant))
        })
    }

    /// The same job, in which partitions are named by the words of the sources: the kernel's names
    /// mean other disks after the next start.
    pub fn with_lasting_names(&self, inventory: &Inventory) -> Self {
        let lasting = |text: &String| {
            let (disk, numbers) = text.rsplit_once(':')?;
            Some(format!("{}:{numbers}", self.sources[self.source_meant(disk, inventory)?]))
        };
        let partitions = self.partitions.iter();
        let partitions = partitions.map(|text| lasting(text).unwrap_or_else(|| text.clone()));
        Self { partitions: partitions.collect(), ..self.clone() }
    }

    /// The command that does the same.
    pub fn command(&self) -> String {
        let mut words = vec!["calco".to_owned(), "save".to_owned()];
        words.extend(self.sources.iter().map(|source| operand(source)));
        words.extend(["--to".to_owned(), quoted(&self.to)]);
        let mut option = |name: &str, value: Option<&str>| {
            if let Some(value) = value {
                words.extend([name.to_owned(), quoted(value)]);
            }
        };
        option("--name", self.name.as_deref());
        for partitions in &self.partitions {
            option("--partitions", Some(partitions));
        }
        if self.level != Level::default() {
            option("--level", Some(&self.level.to_string()));
        }
        option("--split", self.split.map(|split| split.to_string()).as_deref());
        option("--note", self.note.as_deref());
        let flags = [
            (self.raw, "--raw"),
            (self.unproven, "--unproven"),
            (self.replace, "--replace"),
            (self.no_verify, "--no-verify"),
        ];
        words.extend(flags.into_iter().filter(|(on, _)| *on).map(|(_, flag)| flag.to_owned()));
        words.join(" ")
    }
}

impl RestoreJob {
    /// The command that does the same.
    pub fn command(&self) -> String {
        let mut words = vec!["calco".to_owned(), "restore".to_owned(), operand(&self.image)];
        let lists =
            [("--to", &self.to), ("--partitions", &self.partitions), ("--place", &self.place)];
        for (name, values) in lists {
            for value in values {
                words.extend([name.to_owned(), quoted(value)]);
            }
        }
        if let Some(file) = &self.keep_old {
            words.extend(["--keep-old".to_owned(), quoted(&file.display().to_string())]);
        }
        let flags = [
            (self.repair_table, "--repair-table"),
            (self.no_boot, "--no-boot"),
            (self.again, "--again"),
            (self.no_precheck, "--no-precheck"),
            (self.no_verify, "--no-verify"),
            (self.yes, "--yes"),
        ];
        words.extend(flags.into_iter().filter(|(on, _)| *on).map(|(_, flag)| flag.to_owned()));
        words.join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partition_lists_are_read() {
        assert_eq!(parse_partitions("sda:1,3").unwrap(), (Some("sda".into()), vec![1, 3]));
        assert_eq!(parse_partitions("2").unwrap(), (None, vec![2]));
        assert_eq!(parse_partitions("3,1,3").unwrap(), (None, vec![3, 1]));
        for wrong in ["", "sda:", "sda", "1,,2", "0", ":1", "-1", "1-3"] {
            assert_eq!(parse_partitions(wrong).unwrap_err().kind(), ErrorKind::Usage, "{wrong}");
        }
    }

    fn save_job() -> SaveJob {
        SaveJob {
            sources: vec!["/dev/sda".into(), "a b.img".into()],
            to: "/mnt/it's".into(),
            name: Some("sala 3".into()),
            partitions: vec!["sda:1,3".into()],
            raw: true,
            unproven: true,
            level: Level::Number(7),
            split: Some(1 << 30),
            note: None,
            replace: false,
            no_verify: true,
            dry_run: false,
        }
    }

    #[test]
    fn a_source_has_several_words() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).display().to_string();
        for name in ["sda", "sdb"] {
            std::fs::write(path(name), name).unwrap();
            std::os::unix::fs::symlink(path(name), path(&format!("ata-{name}"))).unwrap();
        }
        let inventory = Inventory::read(folder.path());
        let mut job = SaveJob { sources: vec![path("ata-sda"), path("ata-sdb")], ..save_job() };
        for (disk, position) in [
            (path("ata-sdb"), Some(1)),
            ("ata-sdb".to_owned(), Some(1)),
            (path("sdb"), Some(1)),
            (path("sda"), Some(0)),
            (path("sdc"), None),
            (String::new(), None),
        ] {
            assert_eq!(job.source_meant(&disk, &inventory), position, "{disk}");
        }
        job.partitions = vec![format!("{}:1,3", path("sdb")), "2".into(), "sdx:1".into()];
        let lasting = job.with_lasting_names(&inventory).partitions;
        assert_eq!(lasting, [format!("{}:1,3", path("ata-sdb")), "2".into(), "sdx:1".into()]);
    }

    #[test]
    fn a_job_survives_as_json_and_as_a_command() {
        let job = save_job();
        let json = serde_json::to_string(&Job::Save(job.clone())).unwrap();
        assert_eq!(serde_json::from_str::<Job>(&json).unwrap(), Job::Save(job.clone()));
        assert_eq!(
            job.command(),
            "calco save /dev/sda 'a b.img' --to '/mnt/it'\\''s' --name 'sala 3' \
             --partitions sda:1,3 --level 7 --split 1073741824 --raw --unproven --no-verify"
        );
    }
}
