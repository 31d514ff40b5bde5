//! Choosing where images are: a volume that is plugged in, and a folder on it.

use super::ask::{Answer, Tick};
use super::describe::volume_line;
use super::screen::{Choice, Input, List};
use super::{Menu, questions};
use crate::error::Result;
use crate::hardware::Inventory;
use crate::operation::destination::{
    Candidate, Destination, DestinationAccess, VolumeWord, candidates, open,
};
use crate::operation::library::{self, Entry};
use crate::store::address::{Address, Scheme};
use crate::text::{Message, message};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// Folders of a volume that are shown.
const MAX_FOLDERS: usize = 200;

/// Where images are, as the person chose it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Place {
    /// The word for a command.
    pub(super) word: String,
    /// The kernel's name of the disk it is on, where that is known.
    pub(super) disk: Option<String>,
    /// The only image that is looked for there: web servers tell of no others.
    only: Option<String>,
    /// Whether its folder is one that the save makes when it begins.
    is_new: bool,
}

impl Place {
    fn new(word: String) -> Self {
        Self { word, disk: None, only: None, is_new: false }
    }

    /// Opens it for a look.
    ///
    /// # Errors
    /// When it cannot be reached.
    pub(super) fn look(&self) -> Result<Destination> {
        open(&self.word, DestinationAccess::Look)
    }

    /// Opens it for writing.
    ///
    /// # Errors
    /// When it cannot be reached.
    pub(super) fn write(&self) -> Result<Destination> {
        open(&self.word, DestinationAccess::Write)
    }

    /// The images in it.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(super) fn entries(&self) -> Result<Vec<Entry>> {
        if self.is_new {
            return Ok(Vec::new());
        }
        // Its volume is mounted as long as this is kept.
        let destination = self.look()?;
        let store = destination.store();
        match &self.only {
            Some(name) => library::list_named(store.as_ref(), name),
            None => library::list(store.as_ref()),
        }
    }

    /// The word for an image in it.
    pub(super) fn image(&self, directory: &str) -> String {
        match VolumeWord::parse(&self.word) {
            Ok(Some(mut word)) => {
                word.folders.push(directory.to_owned());
                word.to_string()
            }
            _ => match Address::parse(&self.word) {
                Ok(Some(mut address)) => {
                    address.folders.push(directory.to_owned());
                    address.to_string()
                }
                _ => format!("{}/{directory}", self.word.trim_end_matches('/')),
            },
        }
    }

    /// The folder, where it is one of this system.
    pub(super) fn folder(&self) -> Option<PathBuf> {
        let is_volume = matches!(VolumeWord::parse(&self.word), Ok(Some(_)));
        let is_address = matches!(Address::parse(&self.word), Ok(Some(_)));
        (!is_volume && !is_address).then(|| PathBuf::from(&self.word))
    }
}

/// What of the machine the volumes depend on: looked at again when it changes.
type Fingerprint = Vec<(String, Option<u64>, u64, usize)>;

fn fingerprint(inventory: &Inventory) -> Fingerprint {
    let disks = inventory.disks.iter();
    disks
        .map(|disk| (disk.kernel_name.clone(), disk.sequence, disk.size, disk.partitions.len()))
        .collect()
}

/// The volumes that could hold images, looked for by threads: a disk that does not answer keeps
/// nobody waiting.
#[derive(Default)]
struct VolumeWatch {
    /// What was there when the volumes were last looked for.
    looked: Option<Fingerprint>,
    found: Arc<Mutex<Option<Vec<Candidate>>>>,
}

impl VolumeWatch {
    /// The volumes as far as they are known; none while they are looked for the first time.
    fn look(&mut self) -> Option<Vec<Candidate>> {
        let inventory = Inventory::read(Path::new("/"));
        let now = fingerprint(&inventory);
        if self.looked.as_ref() != Some(&now) {
            self.looked = Some(now);
            // A thread that is late writes to a place that nobody looks at any more.
            let place: Arc<Mutex<Option<Vec<Candidate>>>> = Arc::default();
            let found = self.found.lock().expect("no holder panics").take();
            self.found = place.clone();
            // What was known is shown until more is known, without what has gone.
            let still = found.map(|found| {
                let there = |candidate: &Candidate| {
                    inventory
                        .disk(&candidate.volume.disk)
                        .is_some_and(|disk| disk.sequence == candidate.volume.sequence)
                };
                found.into_iter().filter(there).collect()
            });
            *place.lock().expect("no holder panics") = still;
            std::thread::spawn(move || {
                let found = candidates(&inventory);
                *place.lock().expect("no holder panics") = Some(found);
            });
        }
        self.found.lock().expect("no holder panics").clone()
    }
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Spot {
    /// A volume: its word and its disk.
    Volume(String, String),
    /// A folder of this system.
    Folder,
    /// A folder on a server, asked for part by part.
    Guided,
    /// A folder on a server, by its address.
    Server,
}

/// What is offered besides volumes.
#[derive(Clone, Copy)]
struct With {
    folder: bool,
    servers: bool,
}

/// Whether it is the partition that our own medium starts from.
fn is_ours(candidate: &Candidate) -> bool {
    let label = candidate.volume.label.as_deref().unwrap_or_default();
    candidate.volume.is_system_partition && label.eq_ignore_ascii_case("CALCO-EFI")
}

fn list(
    title: &Message,
    found: Option<&[Candidate]>,
    access: DestinationAccess,
    sources: &[String],
    with: With,
) -> List<Spot> {
    let mut choices: Vec<Choice<Spot>> = Vec::new();
    // Nobody keeps images on partitions that machines start from, so they come last.
    let mut candidates: Vec<&Candidate> = found.iter().copied().flatten().collect();
    candidates.retain(|candidate| !is_ours(candidate));
    candidates.sort_by_key(|candidate| candidate.volume.is_system_partition);
    for candidate in candidates {
        let volume = &candidate.volume;
        let spot = Spot::Volume(candidate.word.clone(), volume.disk.clone());
        let (label, detail) = volume_line(volume);
        let mut choice = Choice::new(spot, label).detail(detail);
        let is_source = sources.contains(&volume.disk);
        let reason = match candidate.why_not(access) {
            Some(reason) => Some(reason.clone()),
            None => is_source.then(|| message!("menu-place-is-source")),
        };
        choice.blocked = reason.map(|reason| message!("menu-blocked", reason = reason).to_string());
        choices.push(choice);
    }
    if with.servers {
        choices.push(Choice::new(Spot::Guided, message!("menu-place-guided")));
        choices.push(Choice::new(Spot::Server, message!("menu-place-server")));
    }
    if with.folder {
        choices.push(Choice::new(Spot::Folder, message!("menu-place-folder")));
    }
    let text = match access {
        DestinationAccess::Write => message!("menu-place-text-write"),
        DestinationAccess::Look => message!("menu-place-text-look"),
    };
    let list = List::new(title, choices).text(text);
    match found {
        None => List { settling: true, ..list.text(message!("menu-place-looking")) },
        Some([]) => list.warning(message!("menu-place-none")),
        Some(_) => list,
    }
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Folder {
    Here,
    Inside(String),
    New,
}

/// What nobody keeps images in.
fn is_of_the_system(name: &str) -> bool {
    const NAMES: [&str; 4] = ["System Volume Information", "$RECYCLE.BIN", "lost+found", "EFI"];
    name.starts_with('.') || NAMES.iter().any(|known| name.eq_ignore_ascii_case(known))
}

fn is_web(address: &Address) -> bool {
    matches!(address.scheme, Scheme::Http | Scheme::Https)
}

/// What is in a folder of a destination.
struct Contents {
    /// Every directory.
    all: Vec<String>,
    /// Those that may hold images, and are none.
    folders: Vec<String>,
    /// How many images there are.
    images: usize,
}

fn contents(destination: &Destination) -> Result<Contents> {
    let store = destination.store();
    let images = library::list(store.as_ref())?;
    let all = store.directories()?;
    let mut folders: Vec<String> = all
        .iter()
        .filter(|name| !is_of_the_system(name))
        .filter(|name| images.iter().all(|image| image.directory != **name))
        .cloned()
        .collect();
    folders.sort();
    folders.truncate(MAX_FOLDERS);
    Ok(Contents { all, folders, images: images.len() })
}

impl Menu<'_> {
    /// The place of images. `sources` are the kernel's names of disks that cannot be it.
    pub(super) fn place(
        &mut self,
        title: &Message,
        access: DestinationAccess,
        sources: &[String],
    ) -> Answer<Place> {
        self.some_place(title, access, sources, true)
    }

    /// As [`Menu::place`], but a folder that files can be copied to.
    pub(super) fn place_here(&mut self, title: &Message) -> Answer<Place> {
        self.some_place(title, DestinationAccess::Write, &[], false)
    }

    fn some_place(
        &mut self,
        title: &Message,
        access: DestinationAccess,
        sources: &[String],
        servers: bool,
    ) -> Answer<Place> {
        // In the live system every folder is in memory, unless the person mounted something.
        let with = With { folder: !self.live || self.expert, servers };
        let mut watch = VolumeWatch::default();
        loop {
            let mut make = || {
                let found = watch.look();
                list(title, found.as_deref(), access, sources, with)
            };
            let first = make();
            let Some(spot) = self.person.choose_fresh(first, || Tick::New(make()))? else {
                return Ok(None);
            };
            let place = match spot {
                Spot::Folder => self.typed_folder(title)?,
                Spot::Guided => match self.guided_address(title, access)? {
                    None => None,
                    Some(address) => {
                        self.server = address;
                        self.typed_server(title, access)?
                    }
                },
                Spot::Server => self.typed_server(title, access)?,
                Spot::Volume(word, disk) => {
                    let place = Place { disk: Some(disk), ..Place::new(word) };
                    self.folder_on(title, place, access, access == DestinationAccess::Write)?
                }
            };
            if place.is_some() {
                return Ok(place);
            }
        }
    }

    fn typed_folder(&mut self, title: &Message) -> Answer<Place> {
        let input = Input::new(title, message!("menu-folder-prompt"), "");
        let check = |text: &str| {
            let missing = !Path::new(text).is_dir();
            missing.then(|| message!("menu-folder-missing", path = text).to_string())
        };
        let word = self.person.line(input, check)?;
        Ok(word.map(Place::new))
    }

    /// A folder on a server, by its address; opened for a look, so that what is wrong shows here.
    fn typed_server(&mut self, title: &Message, access: DestinationAccess) -> Answer<Place> {
        let mut typed = self.server.clone();
        loop {
            let input = Input::new(title, message!("menu-server-prompt"), &typed)
                .text(message!("menu-server-text"));
            let check = |text: &str| match Address::parse(text) {
                Ok(Some(address)) if is_web(&address) => match access {
                    DestinationAccess::Write => {
                        Some(message!("store-web-read-only-advice").to_string())
                    }
                    DestinationAccess::Look if address.folders.is_empty() => {
                        Some(message!("store-web-no-list-advice").to_string())
                    }
                    DestinationAccess::Look => None,
                },
                Ok(Some(_)) => None,
                Ok(None) => Some(message!("menu-server-none").to_string()),
                Err(error) => Some(error.report()),
            };
            let Some(word) = self.person.line(input, check)? else { return Ok(None) };
            typed.clone_from(&word);
            let place = match Address::parse_image(&word) {
                Ok(Some((folder, name))) if is_web(&folder) => {
                    Place { only: Some(name), ..Place::new(folder.to_string()) }
                }
                _ => Place::new(word),
            };
            let looked = place.clone();
            let connecting = message!("menu-server-connecting");
            let outcome = self.person.try_to(&connecting, move || {
                if looked.only.is_some() {
                    return looked.entries().map(|_| Vec::new());
                }
                let destination = match access {
                    DestinationAccess::Look => looked.look()?,
                    DestinationAccess::Write => looked.write()?,
                };
                contents(&destination).map(|contents| contents.folders)
            })?;
            match outcome {
                Some(Ok(folders)) => {
                    // What the address says is enough where there is nothing to choose.
                    if folders.is_empty() {
                        self.server = typed;
                        return Ok(Some(place));
                    }
                    if let Some(place) = self.folder_on(title, place, access, false)? {
                        self.server.clone_from(&place.word);
                        return Ok(Some(place));
                    }
                }
                Some(Err(error)) => {
                    questions::forget();
                    self.person.show_error(&error)?;
                }
                None => {}
            }
        }
    }

    /// A folder on a volume or server; only looked at, whatever it is wanted for. `may_be_new` says
    /// whether one that is not there yet can be chosen.
    fn folder_on(
        &mut self,
        title: &Message,
        mut place: Place,
        access: DestinationAccess,
        may_be_new: bool,
    ) -> Answer<Place> {
        let mut above: Vec<String> = Vec::new();
        let writes = access == DestinationAccess::Write;
        loop {
            let planning = message!("menu-place-opening");
            let looked = place.clone();
            let looked = self.person.try_to(&planning, move || contents(&looked.look()?))?;
            let Contents { all, folders, images } = match looked {
                None => return Ok(None),
                Some(Ok(looked)) => looked,
                Some(Err(error)) => {
                    self.person.show_error(&error)?;
                    return Ok(None);
                }
            };
            if !writes && folders.is_empty() && above.is_empty() {
                return Ok(Some(place));
            }
            let here = Choice::new(Folder::Here, message!("menu-place-here", count = images));
            let mut choices = vec![here];
            if may_be_new {
                choices.push(Choice::new(Folder::New, message!("menu-place-new")));
            }
            choices.extend(
                folders
                    .iter()
                    .map(|name| Choice::new(Folder::Inside(name.clone()), format!("{name}/"))),
            );
            let list = List::new(title, choices)
                .text(message!("menu-place-which", place = place.word.as_str()));
            match self.person.choose(list)? {
                Some(Folder::Here) => return Ok(Some(place)),
                Some(Folder::Inside(name)) => {
                    let inside = place.image(&name);
                    above.push(std::mem::replace(&mut place.word, inside));
                }
                Some(Folder::New) => {
                    let input = Input::new(title, message!("menu-place-new-prompt"), "");
                    let check = |name: &str| match crate::operation::names::check(name) {
                        Err(error) => {
                            let wrong = message!("menu-place-new-wrong", name = name);
                            let advice = error.advice().map(|advice| format!("\n{advice}"));
                            Some(format!("{wrong}{}", advice.unwrap_or_default()))
                        }
                        Ok(()) => {
                            let taken = all.iter().any(|taken| taken.eq_ignore_ascii_case(name));
                            taken.then(|| message!("menu-place-taken", name = name).to_string())
                        }
                    };
                    if let Some(name) = self.person.line(input, check)? {
                        place.word = place.image(&name);
                        place.is_new = true;
                        return Ok(Some(place));
                    }
                }
                None => match above.pop() {
                    Some(word) => place.word = word,
                    None => return Ok(None),
                },
            }
        }
    }
}
