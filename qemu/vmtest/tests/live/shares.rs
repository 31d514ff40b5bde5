//! Folders of servers that the kernel mounts: NFS and SMB.

use crate::scripts::calco;
use crate::{SOON, at_the_menu};
use calco_vmtest::live::{
    BuiltSystem, ENGLISH, MENU, Menu, SMALL_SERIAL, Shell, Texts, small_disk, work_folder,
};
use calco_vmtest::servers::{Nfs, Nfs3, Smb, nfs, smb};
use calco_vmtest::{Boot, Bus, Disk, Key, Machine, Wire};
use std::cell::RefCell;
use std::fs;
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How long a job with a small disk may take, the wait for the network included.
const SMALL_JOB: Duration = Duration::from_secs(600);

/// Size of the disk that takes a while, in bytes.
const LARGE: u64 = 800 << 20;
/// How much of it was transferred when the server goes away, in bytes.
const MIDDLE: u64 = 100 << 20;
/// How long it is away.
const AWAY: Duration = Duration::from_secs(30);

/// A machine with a small disk and an empty one, in its rescue shell, and where those disks are.
struct InShell {
    shell: Shell,
    source: PathBuf,
    target: PathBuf,
    built: BuiltSystem,
}

impl InShell {
    fn start(name: &str, work: &Path) -> Option<Self> {
        let built = BuiltSystem::find(name)?;
        let source = small_disk(work);
        let target = work.join("target.img");
        fs::File::create(&target).unwrap().set_len(fs::metadata(&source).unwrap().len()).unwrap();
        Self::with_disks(name, built, source, target)
    }

    /// With a disk that takes a while, because nothing about it is known and nothing compresses.
    fn with_large_disk(name: &str, work: &Path) -> Option<Self> {
        let built = BuiltSystem::find(name)?;
        let [source, target] = ["large.img", "target.img"].map(|file| work.join(file));
        let random = fs::File::open("/dev/urandom").unwrap().take(LARGE);
        std::io::copy(&mut { random }, &mut fs::File::create(&source).unwrap()).unwrap();
        fs::File::create(&target).unwrap().set_len(LARGE).unwrap();
        Self::with_disks(name, built, source, target)
    }

    fn with_disks(
        name: &str,
        built: BuiltSystem,
        source: PathBuf,
        target: PathBuf,
    ) -> Option<Self> {
        Self::with_machine(Machine::new(name), built, source, target)
    }

    fn with_machine(
        machine: Machine,
        built: BuiltSystem,
        source: PathBuf,
        target: PathBuf,
    ) -> Option<Self> {
        let machine = machine
            .disk(Disk::new(&source).on(Bus::Virtio).serial_number(SMALL_SERIAL))
            .disk(Disk::new(&target).on(Bus::Virtio).serial_number("TARGET"))
            .wire(Wire::Host);
        let texts = Texts::english();
        let shell = Shell::enter(at_the_menu(&built, machine, &texts), &texts);
        Some(Self { shell, source, target, built })
    }

    /// Begins a command in the shell.
    fn begin(&mut self, command: &str) {
        self.shell.begin(command);
    }

    /// Waits for its end, and answers its exit code and what it wrote.
    #[track_caller]
    fn end(&mut self) -> (u8, String) {
        self.shell.end(SMALL_JOB)
    }

    /// Runs calco, which must end with this code and say this text.
    #[track_caller]
    fn calco(&mut self, words: &str, code: u8, text: &str) {
        self.begin(&format!("calco {words}"));
        let (found, output) = self.end();
        let plain = output.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(
            found == code && plain.contains(text),
            "{words}: {found}, not {code} with {text}:\n{output}"
        );
    }

    /// Saves, verifies, restores and deletes at an address that is `folder` on this machine.
    #[track_caller]
    fn uses(&mut self, address: &str, folder: &Path, more: &str) {
        self.saves(address, more);
        // What the server has is right for somebody else too.
        self.verified_here(&folder.join("lab"));
        self.restores_and_deletes(address, more);
        assert_eq!(fs::read_dir(folder).unwrap().count(), 0, "in {}", folder.display());
    }

    #[track_caller]
    fn saves(&mut self, address: &str, more: &str) {
        let save = format!("save serial:{SMALL_SERIAL} --to '{address}' --name lab {more}");
        self.calco(&save, 0, "");
    }

    #[track_caller]
    fn restores_and_deletes(&mut self, address: &str, more: &str) {
        self.calco(&format!("images '{address}' {more}"), 0, "lab");
        self.calco(&format!("verify '{address}/lab' {more}"), 0, "");
        self.calco(&format!("restore '{address}/lab' --to serial:TARGET --yes {more}"), 0, "");
        let same = Command::new("cmp").arg(&self.source).arg(&self.target).output().unwrap();
        assert!(same.status.success(), "{}", String::from_utf8_lossy(&same.stdout));
        self.calco(&format!("delete '{address}/lab' --yes {more}"), 0, "");
        // Nothing of it stays behind in the machine.
        self.begin("ps | grep -c '[c]alco-share'");
        assert!(self.end().1.lines().any(|line| line.trim() == "0"));
        self.begin("grep -c -E ' (nfs4?|cifs) ' /proc/mounts");
        assert!(self.end().1.lines().any(|line| line.trim() == "0"));
    }

    #[track_caller]
    fn verified_here(&self, image: &Path) {
        let verified = Command::new(self.built.program())
            .arg("verify")
            .arg(image)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stderr));
    }
}

#[test]
fn a_folder_of_an_nfs_server() {
    if !nfs::can_serve() {
        return;
    }
    let work = work_folder("share-nfs");
    let server = Nfs::start(work.path());
    let Some(mut machine) = InShell::start("share-nfs", work.path()) else { return };
    let at = |name: &str| format!("nfs://10.0.2.2:{}/{name}", server.port);
    machine.uses(&at("images"), &server.folder("images"), "");
    let save = format!("save serial:{SMALL_SERIAL} --name x --to");
    for version in ["4.0", "4.1"] {
        machine.calco(&format!("images '{}?version={version}'", at("images")), 0, "");
    }
    machine.calco(&format!("{save} {}", at("nothing")), 1, "no export or folder /nothing");
    machine.calco(&format!("{save} {}", at("images/nothing")), 1, "no export or folder");
    // This server hides what a machine may not have.
    machine.calco(&format!("{save} {}", at("closed")), 1, "no export or folder /closed");
    machine.calco(&format!("{save} {}", at("read-only")), 1, "Read-only file system");
    machine.calco(&format!("images {}", at("read-only")), 0, "");
    machine.calco(&format!("{save} nfs://10.0.2.2:9/images"), 1, "Connection refused");
    machine.calco(&format!("{save} nfs://nowhere.invalid/images"), 1, "is not known");
    machine.shell.guest.keep_screen("end");
}

/// Found out when none is asked for, and without rpcbind.
#[test]
fn a_folder_of_a_server_that_speaks_nfs_3_only() {
    let work = work_folder("share-nfs3");
    let server = Nfs3::start();
    let Some(mut machine) = InShell::start("share-nfs3", work.path()) else { return };
    let address = format!("nfs://10.0.2.2:{}/images", server.port);
    machine.saves(&address, "");
    machine.restores_and_deletes(&address, "");
    machine.calco(&format!("images '{address}?version=3'"), 0, "no images here");
    machine.calco(&format!("images '{address}?version=4.1'"), 1, "no version of NFS in common");
    machine.calco(&format!("images '{address}/nothing'"), 1, "no export or folder");
    machine.shell.guest.keep_screen("end");
}

#[test]
fn a_share_of_an_smb_server() {
    if !smb::can_serve() {
        return;
    }
    let work = work_folder("share-smb");
    let server = Smb::start(work.path());
    let Some(mut machine) = InShell::start("share-smb", work.path()) else { return };
    let at = |user: &str, name: &str| format!("smb://{user}10.0.2.2:{}/{name}", server.port);
    let octal: String = smb::PASSWORD.bytes().map(|byte| format!("\\{byte:03o}")).collect();
    machine.begin(&format!("printf '{octal}\\n' > /tmp/right; echo wrong > /tmp/wrong"));
    assert_eq!(machine.end().0, 0);
    let right = "--password-file /tmp/right";
    machine.uses(&at("", "open"), &server.folder("open"), "");
    machine.uses(&at("LAB;root@", "sealed"), &server.folder("sealed"), right);
    for version in ["2.1", "3.0", "3.1.1"] {
        let address = format!("{}?version={version}", at("root@", "images"));
        machine.calco(&format!("images '{address}' {right}"), 0, "");
    }
    if fs::read_to_string("/proc/net/if_inet6").is_ok_and(|addresses| !addresses.is_empty()) {
        // This machine again, as QEMU calls it there.
        machine.calco(&format!("images 'smb://[fec0::2]:{}/open'", server.port), 0, "no images");
    }
    let save = |address: &str| format!("save serial:{SMALL_SERIAL} --name x --to '{address}'");
    machine.calco(&save(&at("", "nothing")), 1, "has no share nothing");
    machine.calco(&save(&at("", "open/nothing")), 1, "cannot be entered");
    machine.calco(&save(&at("", "images")), 5, "without a user");
    let wrong = format!("{} --password-file /tmp/wrong", save(&at("root@", "images")));
    machine.calco(&wrong, 5, "does not let root into images");
    let alone = format!("{} </dev/null", save(&at("root@", "images")));
    machine.calco(&alone, 5, "nobody is there to be asked");
    machine.calco(&save(&at("", "read-only")), 1, "Permission denied");
    machine.calco(&save("smb://10.0.2.2:9/images"), 1, "Connection refused");
    machine.shell.guest.keep_screen("end");
}

/// Bytes that the files below a path take up.
fn stored(path: &Path) -> u64 {
    if path.is_dir() {
        let entries = fs::read_dir(path).into_iter().flatten().flatten();
        return entries.map(|entry| stored(&entry.path())).sum();
    }
    fs::metadata(path).map_or(0, |file| file.blocks() * 512)
}

fn wait_for_middle(path: &Path) {
    let begun = Instant::now();
    while stored(path) < MIDDLE {
        assert!(begun.elapsed() < SMALL_JOB, "{} does not grow", path.display());
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// The server goes away in the middle of a save and of a restore, and comes back.
fn outlasts(
    machine: &mut InShell,
    address: &str,
    folder: &Path,
    mut away: impl FnMut(),
    mut back: impl FnMut(),
) {
    machine.begin(&format!("calco save serial:{SMALL_SERIAL} --to {address} --name large"));
    wait_for_middle(folder);
    away();
    std::thread::sleep(AWAY);
    back();
    let (code, output) = machine.end();
    assert_eq!(code, 0, "{output}");
    machine.verified_here(&folder.join("large"));
    machine.shell.guest.keep_screen("saved");

    machine.begin(&format!("calco restore {address}/large --to serial:TARGET --yes"));
    let target = machine.target.clone();
    wait_for_middle(&target);
    away();
    std::thread::sleep(AWAY);
    back();
    let (code, output) = machine.end();
    assert_eq!(code, 0, "{output}");
    machine.shell.guest.keep_screen("restored");
    let same = Command::new("cmp").arg(&machine.source).arg(&machine.target).output().unwrap();
    assert!(same.status.success(), "{}", String::from_utf8_lossy(&same.stdout));
}

#[test]
fn an_nfs_server_that_is_away_for_a_while() {
    if !nfs::can_serve() {
        return;
    }
    let work = work_folder("share-nfs-away");
    let server = RefCell::new(Nfs::start(work.path()));
    let Some(mut machine) = InShell::with_large_disk("share-nfs-away", work.path()) else {
        return;
    };
    let address = format!("nfs://10.0.2.2:{}/images", server.borrow().port);
    let folder = server.borrow().folder("images");
    let away = || server.borrow_mut().go_away();
    outlasts(&mut machine, &address, &folder, away, || server.borrow_mut().come_back());
}

#[test]
fn an_smb_server_that_is_away_for_a_while() {
    if !smb::can_serve() {
        return;
    }
    let work = work_folder("share-smb-away");
    let server = RefCell::new(Smb::start(work.path()));
    let Some(mut machine) = InShell::with_large_disk("share-smb-away", work.path()) else {
        return;
    };
    let address = format!("smb://10.0.2.2:{}/open", server.borrow().port);
    let folder = server.borrow().folder("open");
    let away = || server.borrow_mut().go_away();
    outlasts(&mut machine, &address, &folder, away, || server.borrow_mut().come_back());
}

#[test]
fn an_nfs_server_that_is_gone_for_good() {
    if !nfs::can_serve() {
        return;
    }
    let work = work_folder("share-nfs-gone");
    let mut server = Nfs::start(work.path());
    let Some(mut machine) = InShell::with_large_disk("share-nfs-gone", work.path()) else {
        return;
    };
    let address = format!("nfs://10.0.2.2:{}/images", server.port);
    machine.begin(&format!("calco save serial:{SMALL_SERIAL} --to {address} --name x --wait 1"));
    wait_for_middle(&server.folder("images"));
    server.go_away();
    let (code, output) = machine.end();
    assert_eq!(code, 1, "{output}");
    let plain = output.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(plain.contains("did not come back within one minute"), "{output}");
    machine.shell.guest.keep_screen("gone");
    // The machine is not held up by it.
    let texts = Texts::english();
    machine.shell.guest.type_text("exit");
    machine.shell.guest.press(Key::Enter);
    let mut menu = Menu { guest: &mut machine.shell.guest, texts: &texts };
    menu.see("menu-welcome");
    menu.power_off();
}

#[test]
fn an_export_is_chosen_from_what_the_server_has() {
    let name = "share-exports";
    let Some(built) = BuiltSystem::find(name) else { return };
    if !nfs::can_serve() {
        return;
    }
    let work = work_folder(name);
    let server = Nfs::start(work.path());
    fs::create_dir(server.folder("images").join("lab")).unwrap();
    let source = small_disk(work.path());
    let texts = Texts::english();
    let disk = Disk::new(&source).on(Bus::Virtio).serial_number(SMALL_SERIAL);
    let machine = Machine::new(name).disk(disk).wire(Wire::Host);
    let mut guest = at_the_menu(&built, machine, &texts);
    let mut menu = Menu { guest: &mut guest, texts: &texts };
    menu.choose_source(SMALL_SERIAL);
    menu.choose("menu-place-server");
    menu.see("menu-server-prompt");
    menu.replace_line(&format!("nfs://10.0.2.2:{}/", server.port));
    menu.guest.keep_screen("address");
    menu.guest.screenshot("address");
    menu.guest.press(Key::Enter);
    menu.see("menu-place-which");
    menu.guest.keep_screen("exports");
    menu.choose_text("images/", SOON);
    menu.choose_text("lab/", SOON);
    menu.guest.wait_for("/images/lab", SOON);
    menu.guest.keep_screen("folder");
    menu.guest.press(Key::Enter);
    menu.name_and_start("first");
    menu.see_within("menu-saved", SMALL_JOB);
    menu.guest.keep_screen("saved");
    menu.leave_summary();
    menu.power_off();
    let image = server.folder("images").join("lab/first");
    calco(&built.program(), &["verify", &image.display().to_string()]);
}

#[test]
fn a_share_is_found_question_by_question() {
    let name = "share-guided";
    let Some(built) = BuiltSystem::find(name) else { return };
    if !smb::can_serve() {
        return;
    }
    let work = work_folder(name);
    let server = Smb::start(work.path());
    let texts = Texts::english();
    let disk = Disk::new(small_disk(work.path())).on(Bus::Virtio).serial_number(SMALL_SERIAL);
    let machine = Machine::new(name).disk(disk).wire(Wire::Host);
    let mut guest = at_the_menu(&built, machine, &texts);
    let mut menu = Menu { guest: &mut guest, texts: &texts };
    menu.choose_source(SMALL_SERIAL);
    menu.choose("menu-place-guided");
    menu.see("menu-guided-text");
    menu.guest.keep_screen("kinds");
    menu.choose("menu-guided-smb");
    menu.guest.wait_for("Name or address", SOON);
    menu.guest.press(Key::Enter);
    menu.see("menu-guided-empty");
    menu.guest.keep_screen("nothing");
    menu.guest.type_text(&format!("10.0.2.2:{}", server.port));
    menu.guest.press(Key::Enter);
    menu.guest.wait_for("Share, and", SOON);
    menu.guest.type_text("open");
    menu.guest.press(Key::Enter);
    menu.guest.wait_for("Empty for guest", SOON);
    menu.guest.keep_screen("user");
    menu.guest.press(Key::Enter);
    menu.see("menu-server-prompt");
    menu.guest.wait_for(&format!("smb://10.0.2.2:{}/open", server.port), SOON);
    menu.guest.keep_screen("address");
    menu.guest.press(Key::Enter);
    menu.name_and_start("guided");
    menu.see_within("menu-saved", SMALL_JOB);
    menu.leave_summary();
    menu.power_off();
    let image = server.folder("open").join("guided");
    calco(&built.program(), &["verify", &image.display().to_string()]);
}

#[test]
fn credentials_on_a_labelled_stick_let_us_in() {
    let name = "share-keys";
    let Some(built) = BuiltSystem::find(name) else { return };
    if !smb::can_serve() {
        return;
    }
    let work = work_folder(name);
    let server = Smb::start(work.path());
    let credentials = work.path().join("credentials");
    let lines = format!("[smb://10.0.2.2]\npassword = \"{}\"\n", smb::PASSWORD);
    fs::write(&credentials, lines).unwrap();
    let stick = work.path().join("keys.img");
    let run = |program: &str, words: &[&str], files: &[&Path]| {
        let status = Command::new(program).args(words).args(files).status().unwrap();
        assert!(status.success(), "{program}");
    };
    fs::File::create(&stick).unwrap().set_len(16 << 20).unwrap();
    run("mkfs.fat", &["-n", "CALCO-KEYS"], &[&stick]);
    let inside = stick.display().to_string();
    run("mcopy", &["-i", &inside], &[&credentials, Path::new("::credentials")]);
    let before = fs::read(&stick).unwrap();
    let source = small_disk(work.path());
    let target = work.path().join("target.img");
    fs::File::create(&target).unwrap().set_len(fs::metadata(&source).unwrap().len()).unwrap();
    let machine = Machine::new(name).disk(Disk::new(&stick).on(Bus::Usb).serial_number("KEYS"));
    let machine = InShell::with_machine(machine, built, source, target);
    let mut machine = machine.unwrap();
    let address = format!("smb://root@10.0.2.2:{}/images", server.port);
    machine.calco(&format!("images '{address}' </dev/null"), 0, "no images");
    machine.calco(&format!("save serial:{SMALL_SERIAL} --to '{address}' --name lab"), 0, "");
    machine.verified_here(&server.folder("images").join("lab"));
    let manifest = fs::read_to_string(server.folder("images").join("lab/manifest.json")).unwrap();
    let log = fs::read_to_string(server.folder("images").join("lab/log.txt")).unwrap();
    for text in [manifest, log] {
        assert!(!text.contains("w\\\"ord") && !text.contains("w\"ord"), "{text}");
    }
    assert!(fs::read(&stick).unwrap() == before, "the stick was written to");
}

/// As a server that machines boot from gives it to them: see docs/destinations.md.
#[test]
fn credentials_in_a_second_archive_let_us_in() {
    let name = "share-archive";
    let Some(built) = BuiltSystem::find(name) else { return };
    if !smb::can_serve() {
        return;
    }
    let work = work_folder(name);
    let server = Smb::start(work.path());
    let tree = work.path().join("tree");
    fs::create_dir_all(tree.join("etc/calco")).unwrap();
    let lines = format!("[smb://10.0.2.2]\npassword = \"{}\"\n", smb::PASSWORD);
    fs::write(tree.join("etc/calco/credentials"), lines).unwrap();
    let packed = Command::new("bsdtar")
        .args(["--create", "--format=newc", "--uid=0", "--gid=0", "--directory"])
        .args([&tree, Path::new("etc")])
        .output()
        .unwrap();
    assert!(packed.status.success());
    let Boot::Kernel { kernel, initramfs, command_line } = built.boot_kernel(ENGLISH) else {
        unreachable!("a kernel was asked for");
    };
    let both = work.path().join("both");
    let first = fs::read(initramfs).unwrap();
    // The kernel looks for the next archive at a multiple of four bytes.
    let gap = vec![0; first.len().next_multiple_of(4) - first.len()];
    fs::write(&both, [first, gap, packed.stdout].concat()).unwrap();
    let machine = Machine::new(name).wire(Wire::Host).boot(Boot::Kernel {
        kernel,
        initramfs: both,
        command_line,
    });
    let texts = Texts::english();
    let mut guest = machine.start();
    guest.wait_for(texts.get("menu-welcome"), MENU);
    let mut shell = Shell::enter(guest, &texts);
    let images = format!("calco images smb://root@10.0.2.2:{}/images </dev/null", server.port);
    let (code, output) = shell.run(&images, SMALL_JOB);
    assert!(code == 0 && output.contains("no images"), "{output}");
    let wrong =
        format!("calco images 'smb://LAB;other@10.0.2.2:{}/images' </dev/null", server.port);
    assert_ne!(shell.run(&wrong, SMALL_JOB).0, 0);
}
