//! Kernel modules: which ones a device or the kernel itself asks for, and loading them.
//!
//! The files are the texts that depmod(8) writes into `/lib/modules/VERSION` (modules.dep(5),
//! modules.softdep(5), modules.builtin(5)). An alias is what a device says of itself
//! (`pci:v00008086d…`), what the kernel asks for (`fs-ntfs3`, `crypto-gcm(aes)`), or the name of
//! a module.

mod alias;

use alias::Aliases;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// No file of depmod's is longer; the longest of a whole distribution has 2 MB.
const TEXT_LIMIT: u64 = 32 << 20;

/// The modules of one kernel.
pub struct Modules {
    folder: PathBuf,
    aliases: Aliases,
    built_in_aliases: Aliases,
    /// Name → file and the files it needs, all below the folder.
    files: HashMap<String, Entry>,
    built_in: BTreeSet<String>,
    soft: BTreeMap<String, Soft>,
}

struct Entry {
    file: String,
    /// All the files it needs, directly or not; depmod lists first what is loaded last.
    needs: Vec<String>,
}

/// What a module would like to have loaded before and after it, if it is there.
#[derive(Default)]
struct Soft {
    before: Vec<String>,
    after: Vec<String>,
}

/// What there is for an alias.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Answer {
    /// These files, in this order; needed ones before those that need them.
    Load(Vec<PathBuf>),
    /// The kernel has it built in.
    BuiltIn,
    /// Nothing here.
    Unknown,
}

/// What became of an alias.
#[derive(Debug)]
pub enum Outcome {
    /// What it asks for is there now.
    Present {
        /// The modules that were loaded for it; none when all were there before.
        loaded: Vec<String>,
    },
    /// No module here knows it.
    Unknown,
    /// A module could not be loaded: its file and why.
    Failed(PathBuf, io::Error),
}

/// The name of a module as the kernel writes it: `-` is `_`.
fn normal(name: &str) -> String {
    name.replace('-', "_")
}

/// The name of the module in a file such as `kernel/fs/ext4/ext4.ko.xz`.
fn name_of(file: &str) -> String {
    let file = file.rsplit('/').next().unwrap_or(file);
    normal(file.split_once(".ko").map_or(file, |(name, _)| name))
}

impl Modules {
    /// The modules of the kernel that runs, in the tree at `root`. A kernel without modules
    /// has no folder and therefore no modules.
    pub fn of_running_kernel(root: &Path) -> Self {
        let version = rustix::system::uname().release().to_string_lossy().into_owned();
        Self::read(&root.join("lib/modules").join(version))
    }

    /// The modules in a folder of depmod's.
    pub fn read(folder: &Path) -> Self {
        let text = |name: &str| read_text(&folder.join(name)).unwrap_or_default();
        let mut built_in_aliases = String::new();
        for entry in text("modules.builtin.modinfo").split('\0') {
            if let Some((module, alias)) = entry.split_once(".alias=") {
                built_in_aliases.push_str(&format!("alias {alias} {module}\n"));
            }
        }
        built_in_aliases.push_str(&text("modules.builtin.alias"));
        Self {
            folder: folder.to_owned(),
            aliases: Aliases::parse(text("modules.alias")),
            built_in_aliases: Aliases::parse(built_in_aliases),
            files: parse_dependencies(&text("modules.dep")),
            built_in: text("modules.builtin").lines().map(name_of).collect(),
            soft: parse_soft(&text("modules.softdep")),
        }
    }

    /// Whether there is any module.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// What there is for an alias or the name of a module.
    pub fn answer(&self, alias: &str) -> Answer {
        let name = normal(alias);
        let mut names: Vec<&str> = Vec::new();
        match self.files.get_key_value(&name) {
            Some((name, _)) => names.push(name),
            None => names.extend(self.aliases.modules(alias)),
        }
        let mut files = Vec::new();
        for name in names {
            self.collect(name, &mut BTreeSet::new(), &mut files);
        }
        if !files.is_empty() {
            Answer::Load(files.into_iter().map(|file| self.folder.join(file)).collect())
        } else if self.built_in.contains(&name) || !self.built_in_aliases.modules(alias).is_empty()
        {
            Answer::BuiltIn
        } else {
            Answer::Unknown
        }
    }

    /// Adds the files for a module in the order to load them. `visited` holds the modules whose
    /// wishes are being followed, so that a circle of wishes ends.
    fn collect<'a>(&'a self, name: &str, visited: &mut BTreeSet<String>, files: &mut Vec<&'a str>) {
        let name = normal(name);
        if !visited.insert(name.clone()) {
            return;
        }
        let Some((_, entry)) = self.files.get_key_value(&name) else {
            return;
        };
        let soft = self.soft.get(&name);
        for before in soft.iter().flat_map(|soft| &soft.before) {
            self.collect(before, visited, files);
        }
        for needed in entry.needs.iter().rev() {
            self.collect(&name_of(needed), visited, files);
        }
        if !files.contains(&entry.file.as_str()) {
            files.push(&entry.file);
        }
        for after in soft.iter().flat_map(|soft| &soft.after) {
            self.collect(after, visited, files);
        }
    }

    /// Loads what an alias or the name of a module asks for.
    pub fn load(&self, alias: &str) -> Outcome {
        let files = match self.answer(alias) {
            Answer::Load(files) => files,
            Answer::BuiltIn => return Outcome::Present { loaded: Vec::new() },
            Answer::Unknown => return Outcome::Unknown,
        };
        let mut loaded = Vec::new();
        let mut failure = None;
        for file in files {
            let name = name_of(&file.to_string_lossy());
            if is_live(Path::new("/sys"), &name) {
                continue;
            }
            match load_file(&file) {
                Ok(()) => loaded.push(name),
                // One that is only wished for, or one of several drivers of a device, may fail.
                Err(error) => failure = failure.or(Some((file, error))),
            }
        }
        match failure {
            Some((file, error)) => Outcome::Failed(file, error),
            None => Outcome::Present { loaded },
        }
    }
}

fn read_text(path: &Path) -> io::Result<String> {
    use io::Read as _;
    let mut bytes = Vec::new();
    File::open(path)?.take(TEXT_LIMIT).read_to_end(&mut bytes)?;
    Ok(String::from_utf8(bytes)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
}

fn parse_dependencies(text: &str) -> HashMap<String, Entry> {
    text.lines()
        .filter_map(|line| {
            let (file, needs) = line.split_once(':')?;
            let needs = needs.split_ascii_whitespace().map(str::to_owned).collect();
            Some((name_of(file), Entry { file: file.to_owned(), needs }))
        })
        .collect()
}

fn parse_soft(text: &str) -> BTreeMap<String, Soft> {
    let mut found: BTreeMap<String, Soft> = BTreeMap::new();
    for line in text.lines() {
        let mut words = line.split_ascii_whitespace();
        let (Some("softdep"), Some(name)) = (words.next(), words.next()) else {
            continue;
        };
        let soft = found.entry(normal(name)).or_default();
        let mut list = None;
        for word in words {
            match (word, &mut list) {
                ("pre:", _) => list = Some(true),
                ("post:", _) => list = Some(false),
                (module, Some(true)) => soft.before.push(module.to_owned()),
                (module, Some(false)) => soft.after.push(module.to_owned()),
                (_, None) => {}
            }
        }
    }
    found
}

/// Whether a module is there and has finished starting, in the sysfs at `sysfs`. One that is
/// built in has a folder without a state.
fn is_live(sysfs: &Path, name: &str) -> bool {
    let folder = sysfs.join("module").join(name);
    match std::fs::read_to_string(folder.join("initstate")) {
        Ok(state) => state.trim_end() == "live",
        Err(_) => folder.is_dir(),
    }
}

/// `MODULE_INIT_COMPRESSED_FILE` of the kernel's `include/uapi/linux/module.h`.
const COMPRESSED_FILE: i32 = 4;

/// Hands a file to the kernel, which decompresses it when its name says that it is compressed.
/// A module that is there already is no failure.
///
/// # Errors
/// What the kernel answers; `EOPNOTSUPP` when it cannot decompress.
pub fn load_file(path: &Path) -> io::Result<()> {
    let file = File::open(path)?;
    let flags = match path.extension().and_then(|extension| extension.to_str()) {
        Some("ko") => 0,
        _ => COMPRESSED_FILE,
    };
    match rustix::system::finit_module(file, c"", flags) {
        Err(rustix::io::Errno::EXIST) => Ok(()),
        other => Ok(other?),
    }
}

/// The aliases of the devices in a sysfs tree, each once and in the order of the walk: a
/// controller before what hangs on it.
pub fn device_aliases(sysfs: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut seen = BTreeSet::new();
    // Device trees are some ten levels deep; a limit, because this is what starts everything.
    walk(&sysfs.join("devices"), 32, &mut |alias| {
        if seen.insert(alias.clone()) {
            found.push(alias);
        }
    });
    found
}

fn walk(folder: &Path, depth: u32, found: &mut impl FnMut(String)) {
    let (mut has_uevent, mut has_modalias) = (false, false);
    let mut folders = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        match (entry.file_type(), entry.file_name().to_str()) {
            (Ok(kind), _) if kind.is_dir() => folders.push(entry.path()),
            (_, Some("uevent")) => has_uevent = true,
            (_, Some("modalias")) => has_modalias = true,
            _ => {}
        }
    }
    // Some buses, such as that of memory cards, say it in the event only.
    let mut told = false;
    if has_uevent {
        let text = std::fs::read_to_string(folder.join("uevent")).unwrap_or_default();
        for alias in text.lines().filter_map(|line| line.strip_prefix("MODALIAS=")) {
            told = true;
            found(alias.to_owned());
        }
    }
    if has_modalias && !told {
        let text = std::fs::read_to_string(folder.join("modalias")).unwrap_or_default();
        if !text.trim().is_empty() {
            found(text.trim().to_owned());
        }
    }
    if depth > 0 {
        folders.sort();
        for folder in folders {
            walk(&folder, depth - 1, found);
        }
    }
}

#[cfg(test)]
mod tests;
