//! Thin pools of LVM2 that the kernel has filled: saved by what they map, and every thin volume and
//! snapshot reads the same from the restored copy. LVM2 and the tools of thin pools are not in the live
//! system: they come from the host, on the stick.

use crate::at_the_menu;
use crate::scripts::{begin_script, calco, garbage_like, pattern, run_script, volumes};
use calco_vmtest::live::{BuiltSystem, Texts, make_volumes, stick_with, work_folder};
use calco_vmtest::{Bus, Disk, Machine};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// How long it may take to fill the pool, or to read all of it.
const SCRIPT: Duration = Duration::from_secs(1800);
/// Length of the physical volume, and of the data volume of the pool in it, in MiB.
const LENGTH: u64 = 300;
const DATA: u64 = 200;
/// How often the power is cut; `CALCO_CUTS` says otherwise.
const CUTS: u64 = 3;
/// Rounds of writing before that: with a few snapshots, each of which takes as long as some rounds.
const ROUNDS: usize = 70;

/// What is taken from the host: the programs, with the libraries that they are linked to.
const PROGRAMS: [&str; 5] = ["lvm", "dmsetup", "thin_check", "thin_dump", "mke2fs"];

/// LVM2 without udev, which sees one device only.
const COMMON: &str = r#"
mkdir -p /lib64 /etc/lvm /run/lock
cp /t/lib/ld-linux-x86-64.so.2 /lib64/
export LD_LIBRARY_PATH=/t/lib PATH=/t/bin:$PATH LVM_SYSTEM_DIR=/etc/lvm LVM_SUPPRESS_FD_WARNINGS=1
modprobe dm-mod
modprobe dm-thin-pool
only() {
  cat > /etc/lvm/lvm.conf <<END
devices { use_devicesfile=0 scan=["/dev"] filter=["a|^/dev/$1\$|","r|.*|"] }
activation { udev_sync=0 udev_rules=0 monitoring=0 }
backup { backup=0 archive=0 }
global { locking_dir="/run/lock/lvm" thin_check_executable="/t/bin/thin_check" event_activation=0 use_lvmpolld=0 }
END
}
write() {
  dd if=/t/pattern of=$1 bs=64k skip=$(($2 % 100)) seek=$2 count=$3 conv=notrunc 2>/dev/null
}
"#;

/// Volumes and snapshots: blocks that several of them share, blocks that were discarded, a volume that was
/// removed, and one that was removed after a metadata snapshot was made.
const FILL: &str = r#"
only vda1
lvm pvcreate -qq -ff -y /dev/vda1
lvm vgcreate -qq -s 1M vg /dev/vda1
lvm lvcreate -qq -y --type thin-pool -L 200M --poolmetadatasize 4M --chunksize 64k -n pool vg
for volume in one two three; do
  lvm lvcreate -qq -y -V 128M --thinpool pool -n $volume vg
done
# By its place: the shell prefers a mke2fs of its own.
/t/bin/mke2fs -q -t ext4 /dev/vg/one
mount -o discard /dev/vg/one /m
n=0
while [ $n -lt 60 ]; do
  head -c $((n * 9001 + 17)) /t/pattern > /m/file$n
  n=$((n + 1))
done
sync
lvm lvcreate -qq -y -kn -s -n earlier1 vg/one
rm /m/file1* /m/file3*
sync
lvm lvcreate -qq -y -kn -s -n earlier2 vg/one
lvm lvcreate -qq -y -kn -s -n earlier3 vg/earlier1
n=0
while [ $n -lt 2000 ]; do
  write /dev/vg/two $n 1
  n=$((n + 7))
done
write /dev/vg/three 5 200
lvm lvcreate -qq -y -kn -s -n copy vg/two
write /dev/vg/copy 300 90
lvm lvremove -qq -y vg/earlier2
rm /m/file2*
umount /m
"#;

/// Writes without an end, with snapshots between.
const WRITE: &str = r#"
only vda1
lvm vgchange -qq -ay vg
mount -o discard /dev/vg/one /m
n=0
while :; do
  head -c $((n % 9 * 90001 + 17)) /t/pattern > /m/new$n
  write /dev/vg/copy $((n * 31 % 1900)) 9
  write /dev/vg/two $((n * 57 % 1900)) 9
  sync
  rm -f /m/new$((n - 3))
  if [ $((n % 40)) = 20 ]; then
    lvm lvcreate -qq -y -kn -s -n run$1x$n vg/one
    [ $n -gt 60 ] && lvm lvremove -qq -y vg/run$1x$((n - 40))
  fi
  echo "round-$n."
  n=$((n + 1))
done
"#;

/// All thin volumes of two disks read the same.
const COMPARE: &str = r#"
for disk in vda1 vdb1; do
  only $disk
  # Where the power went in the middle of a change, a volume of the original too may not start.
  lvm vgchange -qq -ay vg || echo "not all of $disk"
  lvm lvs --noheadings -o lv_name,thin_id,origin vg > /seen-$disk
  for volume in $(lvm lvs --noheadings -o lv_name -S segtype=thin vg); do
    [ ! -e /dev/vg/$volume ] || echo $volume $(md5sum < /dev/vg/$volume) >> /seen-$disk
  done
  lvm vgchange -qq -an vg
done
cmp /seen-vda1 /seen-vdb1
cat /seen-vda1
[ $(grep -c ' -$' /seen-vda1) -ge 5 ]
"#;

/// Puts the programs and their libraries below a folder.
fn with_programs(folder: &Path) {
    let (programs, libraries) = (folder.join("bin"), folder.join("lib"));
    std::fs::create_dir(&programs).unwrap();
    std::fs::create_dir(&libraries).unwrap();
    let mut needed = BTreeSet::new();
    for name in PROGRAMS {
        let found = ["/usr/sbin", "/sbin", "/usr/bin"].map(|folder| Path::new(folder).join(name));
        let found = found.into_iter().find(|path| path.exists());
        let program = found.unwrap_or_else(|| panic!("{name} is not installed"));
        std::fs::copy(&program, programs.join(name)).unwrap();
        let output = Command::new("ldd").arg(&program).output().unwrap();
        let listed = String::from_utf8(output.stdout).unwrap();
        let paths = listed.split_whitespace().filter(|word| word.starts_with('/'));
        needed.extend(paths.map(PathBuf::from));
    }
    for library in needed {
        std::fs::copy(&library, libraries.join(library.file_name().unwrap())).unwrap();
    }
}

struct Pools {
    built: BuiltSystem,
    work: tempfile::TempDir,
    stick: Disk,
    source: PathBuf,
    texts: Texts,
}

impl Pools {
    fn new(name: &str) -> Option<Self> {
        let built = BuiltSystem::find(name)?;
        let work = work_folder(name);
        let scripts = work.path().join("scripts");
        std::fs::create_dir(&scripts).unwrap();
        std::fs::create_dir(work.path().join("images")).unwrap();
        with_programs(&scripts);
        let held =
            "dmsetup message vg-pool-tpool 0 reserve_metadata_snap\nlvm lvremove -qq -y vg/three\n";
        for (script, text) in [
            ("fill", format!("{FILL}{held}lvm vgchange -qq -an vg\n")),
            ("start", format!("{FILL}lvm vgchange -qq -an vg\n")),
            ("write", WRITE.to_owned()),
            ("compare", COMPARE.to_owned()),
        ] {
            std::fs::write(scripts.join(script), format!("set -e\n{COMMON}{text}")).unwrap();
        }
        std::fs::write(scripts.join("pattern"), pattern()).unwrap();
        let stick = stick_with(work.path(), &scripts, 64);
        let stick = Disk::new(&stick).on(Bus::Usb).serial_number("STICK");
        let source = make_volumes(work.path(), &["true"], LENGTH);
        Some(Self { built, work, stick, source, texts: Texts::english() })
    }

    fn machine(&self, name: &str) -> Machine {
        Machine::new(name).disk(Disk::new(&self.source).on(Bus::Virtio)).disk(self.stick.clone())
    }

    fn run(&self, machine: Machine, words: &str) {
        let mut guest = at_the_menu(&self.built, machine, &self.texts);
        run_script(&mut guest, words, SCRIPT);
    }

    /// Saves the disk, restores it onto garbage, and holds both against each other. Answers what the image
    /// says of the physical volume.
    fn there_and_back(&self, name: &str) -> serde_json::Value {
        let path = |name: &str| self.work.path().join(name);
        let text = |name: &str| path(name).display().to_string();
        let program = self.built.program();
        let source = self.source.display().to_string();
        calco(&program, &["save", &source, "--to", &text("images"), "--name", name]);
        let image = text(&format!("images/{name}"));
        let volume = volumes(&program, &image).remove(0);
        println!("{name}: {volume}");
        assert_eq!(volume["saved"], "used", "{volume}");
        garbage_like(&self.source, &path("restored.img"));
        calco(&program, &["restore", &image, "--to", &text("restored.img"), "--yes"]);
        std::fs::remove_dir_all(&image).unwrap();
        let restored = Disk::new(path("restored.img")).on(Bus::Virtio);
        // Each of them is changed a little by being looked at.
        let source = path("looked-at.img");
        std::fs::copy(&self.source, &source).unwrap();
        let machine = Machine::new("thin-pools-compared")
            .disk(Disk::new(&source).on(Bus::Virtio))
            .disk(restored)
            .disk(self.stick.clone());
        self.run(machine, "compare");
        volume
    }
}

/// Why all of the pool is saved.
fn why_whole(volume: &serde_json::Value) -> Option<String> {
    let inside = volume["content"]["inside"].as_array().unwrap();
    let pool = inside.iter().find(|inside| inside["name"] == "pool").unwrap();
    assert_eq!(pool["volume"]["kind"], "thin_pool");
    Some(pool["why_whole"]["id"].as_str()?.to_owned())
}

#[test]
fn every_thin_volume_reads_the_same_after_a_restore_onto_garbage() {
    let Some(pools) = Pools::new("thin-pools") else { return };
    pools.run(pools.machine("thin-pools-filled"), "fill");
    let volume = pools.there_and_back("filled");
    assert_eq!(why_whole(&volume), None, "{volume}");
    let used = volume["used_bytes"].as_u64().unwrap();
    assert!(used < (DATA - 50) << 20, "{used}");
}

#[test]
fn after_a_power_cut_every_thin_volume_reads_the_same() {
    let Some(pools) = Pools::new("thin-pools-cut") else { return };
    let cuts = std::env::var("CALCO_CUTS").ok().and_then(|text| text.parse().ok()).unwrap_or(CUTS);
    pools.run(pools.machine("thin-pools-cut-filled"), "start");
    let filled = pools.work.path().join("filled.img");
    std::fs::copy(&pools.source, &filled).unwrap();
    for cut in 1..=cuts {
        // A pool that was cut in the middle of a change may need a person before it starts again.
        std::fs::copy(&filled, &pools.source).unwrap();
        let machine = pools.machine("thin-pools-cut-written");
        let mut guest = at_the_menu(&pools.built, machine, &pools.texts);
        begin_script(&mut guest, &format!("write {cut}"));
        let until = Instant::now() + SCRIPT;
        while guest.output().matches("round-").count() < ROUNDS {
            let output = guest.output();
            let mut after = output.split("status-").skip(1);
            let has_ended =
                after.any(|rest| rest.starts_with(|first: char| first.is_ascii_digit()));
            assert!(!has_ended && Instant::now() < until, "{output}");
            std::thread::sleep(Duration::from_millis(200));
        }
        // Not always at the same moment of what comes next.
        std::thread::sleep(Duration::from_millis(cut * 7919 % 4000));
        drop(guest);
        let volume = pools.there_and_back(&format!("cut-{cut}"));
        let why = why_whole(&volume);
        println!("{cut}: {why:?}");
        // In the middle of the making of a snapshot LVM2 and the pool are at different transactions.
        let expected = [None, Some("thin-transaction"), Some("lvm-thin-message")];
        assert!(expected.contains(&why.as_deref()), "{volume}");
    }
}
