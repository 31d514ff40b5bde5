//! File systems that the kernel which runs the tests may not have: filled by ours, saved and restored
//! on the host, and looked at by ours again.

use crate::at_the_menu;
use crate::scripts::{calco, garbage_like, pattern, run_script, volumes};
use calco_vmtest::live::{BuiltSystem, Texts, make_volumes, stick_with, work_folder};
use calco_vmtest::{Bus, Disk, Machine};
use std::path::Path;
use std::time::Duration;

/// How long it may take to fill the volumes, or to read them.
const SCRIPT: Duration = Duration::from_secs(1200);
/// Length of each volume, in MiB.
const LENGTH: u64 = 96;

/// What the kernel calls a file system, with options of the mount that fills it, and what makes it.
const KINDS: [(&str, &str); 8] = [
    ("f2fs", "mkfs.f2fs -q -f"),
    ("f2fs", "mkfs.f2fs -q -f -i -O extra_attr,inode_checksum,sb_checksum,compression"),
    (
        "f2fs -o compress_algorithm=lz4,compress_extension=*",
        "mkfs.f2fs -q -f -O extra_attr,compression",
    ),
    ("udf", "mkudffs --media-type=hd --blocksize=512"),
    ("udf", "mkudffs --media-type=hd --blocksize=2048 --udfrev=1.50"),
    ("exfat", "mkfs.exfat"),
    ("ntfs3", "mkntfs -q -Q -F"),
    ("vfat", "mkfs.fat -F 32"),
];

/// Files of many sizes, some removed again and others written in their place, a long name, holes,
/// zeros, space allocated ahead and links where there are any.
const FILL: &str = r#"
mkdir -p /m/folder/inside "/m/with spaces and a long name that goes on for more than twelve letters"
i=0
while [ $i -lt 120 ]; do
  head -c $((i * 1501 + 17)) /t/pattern > "/m/folder/file $i"
  i=$((i + 1))
done
i=0
while [ $i -lt 120 ]; do
  rm "/m/folder/file $i"
  i=$((i + 3))
done
dd if=/t/pattern of=/m/folder/inside/large bs=1M count=9 2>/dev/null
dd if=/dev/zero of=/m/folder/inside/zeros bs=1M count=2 2>/dev/null
dd if=/t/pattern of=/m/sparse bs=1k count=4 seek=6000 2>/dev/null
rm "/m/folder/file 10" "/m/folder/file 40" "/m/folder/file 70"
head -c 300000 /t/pattern > "/m/folder/wide"
fallocate -l 3145728 /m/ahead 2>/dev/null
ln /m/folder/inside/large /m/hard 2>/dev/null
ln -s folder/wide /m/soft 2>/dev/null
chmod 640 /m/folder/wide 2>/dev/null
sync
"#;

/// Everything that is seen of a tree below the working folder.
const TELL: &str = "find . | sort | while read -r name; do
  stat -c '%n %F %a %u %g %h %s %Y' \"$name\"
  [ -f \"$name\" ] && sha256sum \"$name\"
  [ -L \"$name\" ] && readlink \"$name\"
  true
done";

fn scripts(folder: &Path) {
    let mut fill = "set -e\n".to_owned();
    let mut compare = "set -e\nmkdir -p /a /b\n".to_owned();
    for (number, (mount, _)) in KINDS.iter().enumerate() {
        let part = number + 1;
        let kind = mount.split(' ').next().unwrap();
        fill += &format!("mount -t {mount} /dev/vda{part} /m\n(set +e\n{FILL})\n");
        // What this test is for where there are such blocks: it has to be there.
        if kind == "f2fs" {
            fill += "[ $(stat -c %s /m/ahead) = 3145728 ]\n";
        }
        fill += "umount /m\n";
        compare += &format!(
            "mount -r -t {kind} /dev/vda{part} /a\nmount -r -t {kind} /dev/vdb{part} /b\n\
             (cd /a\n{TELL}\n) > /saved\n(cd /b\n{TELL}\n) > /restored\n\
             umount /a /b\ncmp /saved /restored\n\
             [ $(grep -c 'regular file' /saved) -gt 70 ]\necho {kind} $(wc -l < /saved) lines\n"
        );
    }
    std::fs::write(folder.join("fill"), fill).unwrap();
    std::fs::write(folder.join("compare"), compare).unwrap();
    std::fs::write(folder.join("pattern"), pattern()).unwrap();
}

#[test]
fn the_same_tree_is_seen_after_a_restore_onto_garbage() {
    let Some(built) = BuiltSystem::find("file-systems") else { return };
    let work = work_folder("file-systems");
    let path = |name: &str| work.path().join(name);
    let text = |name: &str| path(name).display().to_string();
    std::fs::create_dir(path("scripts")).unwrap();
    scripts(&path("scripts"));
    let stick = stick_with(work.path(), &path("scripts"), 64);
    let makers: Vec<&str> = KINDS.iter().map(|(_, make)| *make).collect();
    let source = make_volumes(work.path(), &makers, LENGTH);
    let stick = Disk::new(&stick).on(Bus::Usb).serial_number("STICK");
    let texts = Texts::english();

    let machine = Machine::new("file-systems-filled").disk(Disk::new(&source).on(Bus::Virtio));
    let mut guest = at_the_menu(&built, machine.disk(stick.clone()), &texts);
    run_script(&mut guest, "fill", SCRIPT);
    drop(guest);

    std::fs::create_dir(path("images")).unwrap();
    let program = built.program();
    calco(&program, &["save", &text("volumes.img"), "--to", &text("images"), "--name", "filled"]);
    let image = text("images/filled");
    let volumes = volumes(&program, &image);
    assert_eq!(volumes.len(), KINDS.len());
    for (volume, (kind, make)) in volumes.iter().zip(KINDS) {
        assert_eq!(volume["saved"], "used", "{kind}, {make}: {}", volume["reason"]);
    }
    garbage_like(&source, &path("restored.img"));
    calco(&program, &["restore", &image, "--to", &text("restored.img"), "--yes"]);

    let machine = Machine::new("file-systems-compared")
        .disk(Disk::new(&source).on(Bus::Virtio))
        .disk(Disk::new(path("restored.img")).on(Bus::Virtio))
        .disk(stick);
    let mut guest = at_the_menu(&built, machine, &texts);
    run_script(&mut guest, "compare", SCRIPT);
}
