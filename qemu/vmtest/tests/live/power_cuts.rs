//! Journaling file systems whose power was cut while files were written: what had been synced is there
//! once the restored copy is mounted, and their own checkers are content afterwards.

use crate::at_the_menu;
use crate::scripts::{begin_script, calco, garbage_like, pattern, run_script, volumes};
use calco_vmtest::live::{BuiltSystem, Texts, cut_out, make_volumes, stick_with, work_folder};
use calco_vmtest::{Bus, Disk, Machine};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// How long it may take to mount the copies and to read what they must hold.
const CHECK: Duration = Duration::from_secs(900);
/// Length of each volume, in MiB: the least that `mkfs.xfs` takes.
const LENGTH: u64 = 300;
/// How often the power is cut; `CALCO_CUTS` says otherwise.
const CUTS: u64 = 10;
/// Files that each file system must at least have synced before its power is cut.
const SYNCED: u64 = 12;

struct Kind {
    /// What the kernel calls it, and the options of its mounts.
    mounted: &'static str,
    make: &'static str,
    /// Its checker, which answers 0 when there is nothing to mend; none where there is none.
    check: Option<&'static str>,
    /// Whether only used blocks are saved although its journal has not been replayed.
    used: bool,
}

const fn kind(mounted: &'static str, make: &'static str, check: &'static str, used: bool) -> Kind {
    Kind { mounted, make, check: Some(check), used }
}

const KINDS: [Kind; 8] = [
    kind("ext4", "mke2fs -q -t ext4", "e2fsck -fn", true),
    kind("ext4", "mke2fs -q -t ext4 -O fast_commit", "e2fsck -fn", true),
    kind("ext3", "mke2fs -q -t ext3 -b 1024", "e2fsck -fn", true),
    kind("xfs", "mkfs.xfs -q", "xfs_repair -n", false),
    kind("btrfs", "mkfs.btrfs -q", "btrfs check -q", false),
    kind("btrfs", "mkfs.btrfs -q --mixed", "btrfs check -q", false),
    kind("f2fs", "mkfs.f2fs -q -f", "fsck.f2fs --dry-run", false),
    // Its kernel driver writes no journal, but marks the volume; in the first copy of the table alone,
    // which ntfsfix minds.
    Kind { mounted: "ntfs3 -o force", make: "mkntfs -q -Q -F", check: None, used: false },
];

/// Writes without an end. A file is named on the line once it has been synced; others never are, and
/// some are removed again.
const WRITE: &str = r#"
round=$1
size() { echo $(($1 * 37 % 97 + 1)); }
writer() {
  here=/m/$1/round$round
  mkdir $here
  n=0
  while :; do
    dd if=/t/pattern of=$here/f$n bs=1k skip=$n count=$(size $n) conv=fsync 2>/dev/null &&
      echo "synced-$1-$n."
    dd if=/t/pattern of=$here/loose$((n % 7)) bs=1k count=$((n * 11 % 300)) 2>/dev/null
    [ $((n % 3)) = 0 ] && [ $n -gt 6 ] && rm $here/f$((n - 6))
    [ $n = 5 ] && rm -r /m/$1/round$((round - 1)) 2>/dev/null
    n=$((n + 1))
  done
}
"#;

/// Looks for the files of one volume: round, number, the last that had been synced.
const CHECK_ONE: &str = r#"
size() { echo $(($1 * 37 % 97 + 1)); }
check() {
  here=/m/$2/round$1
  n=0
  seen=0
  while [ $n -le $3 ]; do
    if [ $((n % 3)) != 0 ]; then
      dd if=/t/pattern bs=1k skip=$n count=$(size $n) 2>/dev/null | cmp - $here/f$n ||
        { echo "lost: $here/f$n"; exit 1; }
      seen=$((seen + 1))
    fi
    n=$((n + 1))
  done
  echo "volume $2: $seen files"
}
"#;

fn scripts(folder: &Path) {
    let mut write = WRITE.to_owned();
    let mut check = CHECK_ONE.to_owned();
    for (number, kind) in KINDS.iter().enumerate() {
        let part = number + 1;
        let mount = format!(
            "mkdir -p /m/{part}\nmount -t {} /dev/vda{part} /m/{part} || exit 2\n",
            kind.mounted
        );
        write += &mount;
        check += &format!("{mount}check $1 {part} ${{{}}}\numount /m/{part} || exit 3\n", part + 1);
    }
    for part in 1..=KINDS.len() {
        write += &format!("writer {part} &\n");
    }
    write += "wait\n";
    std::fs::write(folder.join("write"), write).unwrap();
    std::fs::write(folder.join("check"), check).unwrap();
    std::fs::write(folder.join("pattern"), pattern()).unwrap();
}

/// The last file of each volume that was synced, by the number of its partition.
fn last_synced(output: &str) -> BTreeMap<usize, u64> {
    let mut last = BTreeMap::new();
    for words in output.split("synced-").skip(1) {
        let Some((words, _)) = words.split_once('.') else { continue };
        let Some((part, number)) = words.split_once('-') else { continue };
        if let (Ok(part), Ok(number)) = (part.parse(), number.parse()) {
            last.insert(part, number);
        }
    }
    last
}

/// What a checker finds in each volume of a disk.
fn check_volumes(disk: &Path, work: &Path) {
    for (number, kind) in KINDS.iter().enumerate() {
        let Some(check) = kind.check else { continue };
        let volume = work.join("volume");
        let _ = std::fs::remove_file(&volume);
        cut_out(disk, 1 + number as u64 * LENGTH, LENGTH, &volume);
        let mut words = check.split_whitespace();
        let mut command = Command::new(words.next().unwrap());
        command.env("PATH", format!("{}:/usr/sbin", std::env::var("PATH").unwrap_or_default()));
        let output = command.args(words).arg(&volume).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}: {}\n{said}\n{errors}", kind.make, check);
    }
}

#[test]
fn what_had_been_synced_is_there_after_a_restore() {
    let Some(built) = BuiltSystem::find("power-cuts") else { return };
    let cuts = std::env::var("CALCO_CUTS").ok().and_then(|text| text.parse().ok()).unwrap_or(CUTS);
    let work = work_folder("power-cuts");
    let path = |name: &str| work.path().join(name);
    let text = |name: &str| path(name).display().to_string();
    std::fs::create_dir(path("scripts")).unwrap();
    std::fs::create_dir(path("images")).unwrap();
    scripts(&path("scripts"));
    let stick = stick_with(work.path(), &path("scripts"), 64);
    let stick = Disk::new(&stick).on(Bus::Usb).serial_number("STICK");
    let makers: Vec<&str> = KINDS.iter().map(|kind| kind.make).collect();
    let source = make_volumes(work.path(), &makers, LENGTH);
    let texts = Texts::english();
    let program = built.program();

    for cut in 1..=cuts {
        let machine = Machine::new("power-cuts-written").disk(Disk::new(&source).on(Bus::Virtio));
        let mut guest = at_the_menu(&built, machine.disk(stick.clone()), &texts);
        begin_script(&mut guest, &format!("write {cut}"));
        let until = Instant::now() + CHECK;
        loop {
            let output = guest.output();
            let last = last_synced(&output);
            if last.len() == KINDS.len() && last.values().all(|number| *number >= SYNCED) {
                break;
            }
            assert!(!output.contains("status-2") && Instant::now() < until, "{output}");
            std::thread::sleep(Duration::from_millis(200));
        }
        // Not always at the same moment of what comes next.
        std::thread::sleep(Duration::from_millis(cut * 7919 % 4000));
        let output = guest.output();
        drop(guest);
        let last = last_synced(&output);
        assert_eq!(last.len(), KINDS.len(), "{output}");

        let name = format!("cut-{cut}");
        let image = text(&format!("images/{name}"));
        calco(&program, &["save", &text("volumes.img"), "--to", &text("images"), "--name", &name]);
        let saved = volumes(&program, &image);
        for (volume, kind) in saved.iter().zip(&KINDS) {
            println!("{cut}, {}: {} {}", kind.make, volume["saved"], volume["reason"]);
            assert!(!kind.used || volume["saved"] == "used", "{}: {volume}", kind.make);
        }
        garbage_like(&source, &path("restored.img"));
        calco(&program, &["restore", &image, "--to", &text("restored.img"), "--yes"]);
        std::fs::remove_dir_all(&image).unwrap();

        let restored = Disk::new(path("restored.img")).on(Bus::Virtio);
        let machine = Machine::new("power-cuts-checked").disk(restored).disk(stick.clone());
        let mut guest = at_the_menu(&built, machine, &texts);
        let numbers: Vec<String> = last.values().map(u64::to_string).collect();
        println!("{cut}: synced {}", numbers.join(" "));
        run_script(&mut guest, &format!("check {cut} {}", numbers.join(" ")), CHECK);
        drop(guest);
        check_volumes(&path("restored.img"), work.path());
    }
}
