//! Folders of servers that the kernel mounts: NFS and SMB.

use crate::nfs::{self, Nfs};
use crate::smb::{self, Smb};
use crate::{SOON, at_the_menu, enter_shell};
use calco_vmtest::live::{BuiltSystem, Menu, SMALL_SERIAL, Texts, small_disk, work_folder};
use calco_vmtest::{Bus, Disk, Guest, Key, Machine, Wire};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// How long a job with a small disk may take, the wait for the network included.
const SMALL_JOB: Duration = Duration::from_secs(600);

/// A machine with a small disk and an empty one, in its rescue shell, and where those disks are.
struct InShell {
    guest: Guest,
    source: PathBuf,
    target: PathBuf,
    built: BuiltSystem,
    commands: u32,
}

impl InShell {
    fn start(name: &str, work: &Path) -> Option<Self> {
        let built = BuiltSystem::find(name)?;
        let source = small_disk(work);
        let target = work.join("target.img");
        fs::File::create(&target).unwrap().set_len(fs::metadata(&source).unwrap().len()).unwrap();
        let machine = Machine::new(name)
            .disk(Disk::new(&source).on(Bus::Virtio).serial_number(SMALL_SERIAL))
            .disk(Disk::new(&target).on(Bus::Virtio).serial_number("TARGET"))
            .wire(Wire::Host);
        let texts = Texts::english();
        let mut guest = at_the_menu(&built, machine, &texts);
        enter_shell(&mut Menu { guest: &mut guest, texts: &texts });
        Some(Self { guest, source, target, built, commands: 0 })
    }

    /// The mark that follows what a command writes.
    fn mark(number: u32) -> String {
        format!("end={}=", 1000 + number)
    }

    /// Begins a command in the shell.
    fn begin(&mut self, command: &str) {
        self.commands += 1;
        // The mark is not in what is typed.
        self.guest.type_text(&format!("{command}; echo end=$((1000+{}))=$?=", self.commands));
        self.guest.press(Key::Enter);
    }

    /// Waits for its end, and answers its exit code and what it wrote.
    fn end(&mut self) -> (u8, String) {
        let mark = Self::mark(self.commands);
        self.guest.wait_for_output(&mark, SMALL_JOB);
        self.guest.wait_for_output("=", SOON);
        let output = self.guest.output();
        let (text, code) = output.split_once(&mark).unwrap();
        let code = code.split('=').next().unwrap().parse().expect("an exit code");
        let before = Self::mark(self.commands - 1);
        let own = text.split_once(&before).map_or(text, |(_, own)| own);
        (code, own.to_owned())
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
        self.calco(
            &format!("save serial:{SMALL_SERIAL} --to '{address}' --name lab --yes {more}"),
            0,
            "",
        );
        // What the server has is right for somebody else too.
        self.verified_here(&folder.join("lab"));
        self.calco(&format!("images '{address}' {more}"), 0, "lab");
        self.calco(&format!("verify '{address}/lab' {more}"), 0, "");
        self.calco(&format!("restore '{address}/lab' --to serial:TARGET --yes {more}"), 0, "");
        let same = Command::new("cmp").arg(&self.source).arg(&self.target).output().unwrap();
        assert!(same.status.success(), "{}", String::from_utf8_lossy(&same.stdout));
        self.calco(&format!("delete '{address}/lab' --yes {more}"), 0, "");
        assert_eq!(fs::read_dir(folder).unwrap().count(), 0, "in {}", folder.display());
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
    let server = Nfs::start();
    let work = work_folder("share-nfs");
    let Some(mut machine) = InShell::start("share-nfs", work.path()) else { return };
    let at = |name: &str| format!("nfs://10.0.2.2:{}/{name}", server.port);
    machine.uses(&at("images"), &server.folder("images"), "");
    let save = format!("save serial:{SMALL_SERIAL} --name x --yes --to");
    for version in ["4.0", "4.1"] {
        machine.calco(&format!("images '{}?version={version}'", at("images")), 0, "");
    }
    machine.calco(&format!("{save} {}", at("nothing")), 1, "no export or folder /nothing");
    machine.calco(&format!("{save} {}", at("images/nothing")), 1, "no export or folder");
    machine.calco(&format!("{save} {}", at("closed")), 5, "does not let this machine");
    machine.calco(&format!("{save} {}", at("read-only")), 1, "Read-only file system");
    machine.calco(&format!("images {}", at("read-only")), 0, "");
    machine.calco(&format!("{save} nfs://10.0.2.2:9/images"), 1, "Connection refused");
    machine.calco(&format!("{save} nfs://nowhere.invalid/images"), 1, "is not known");
    machine.guest.keep_screen("end");
}

#[test]
fn a_share_of_an_smb_server() {
    if !smb::can_serve() {
        return;
    }
    let server = Smb::start();
    let work = work_folder("share-smb");
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
    let save =
        |address: &str| format!("save serial:{SMALL_SERIAL} --name x --yes --to '{address}'");
    machine.calco(&save(&at("", "nothing")), 1, "has no share nothing");
    machine.calco(&save(&at("", "open/nothing")), 1, "cannot be entered");
    machine.calco(&save(&at("", "images")), 5, "without a user");
    let wrong = format!("{} --password-file /tmp/wrong", save(&at("root@", "images")));
    machine.calco(&wrong, 5, "does not let root into images");
    machine.calco(&save(&at("root@", "images")), 5, "nobody is there to be asked");
    machine.calco(&save(&at("", "read-only")), 1, "Permission denied");
    machine.calco(&save("smb://10.0.2.2:9/images"), 1, "Connection refused");
    machine.guest.keep_screen("end");
}
