use super::super::testing::Tree;
use super::*;
use std::process::Command;

/// Uses of a device in a made-up tree, as sentences without the language: device and what.
fn uses(tree: &Tree, name: &str) -> Vec<(String, How)> {
    let system = System::read(tree.root());
    let number = system.number_of(&Path::new("/dev").join(name)).unwrap();
    let mut uses = Vec::new();
    system.device_uses(number, &mut BTreeSet::new(), &mut uses);
    uses.into_iter().map(|one| (one.device.display().to_string(), one.how)).collect()
}

fn below(tree: &Tree, name: &str) -> Vec<String> {
    let system = System::read(tree.root());
    let number = system.number_of(&Path::new("/dev").join(name)).unwrap();
    let mut disks = BTreeSet::new();
    system.below_device(number, 0, &mut disks);
    disks.into_iter().map(|number| system.node(number).display().to_string()).collect()
}

fn mounted(at: &str, read_only: bool) -> How {
    How::Mounted { at: at.into(), read_only }
}

fn holder(name: &str) -> How {
    How::Holder { name: name.into(), writes: false }
}

/// Two disks with two partitions each; the second ones form an array that is the only member of
/// a volume group with a volume.
fn stack() -> Tree {
    let tree = Tree::new();
    for (minor, name) in [(0, "vda"), (16, "vdb")] {
        tree.virtio(name, Some(name), minor);
        let disk = tree.root().join("sys/block").join(name).canonicalize().unwrap();
        tree.partition(&disk, &format!("{name}1"), 1, &format!("254:{}", minor + 1));
        tree.partition(&disk, &format!("{name}2"), 2, &format!("254:{}", minor + 2));
    }
    let array = tree.stacked("md0", "9:0", &["vda2", "vdb2"]);
    tree.write(&array.join("md/array_state"), "clean\n");
    tree.write(&array.join("md/sync_action"), "idle\n");
    let volume = tree.stacked("dm-0", "253:0", &["md0"]);
    tree.write(&volume.join("dm/name"), "group-home\n");
    tree
}

#[test]
fn uses_are_followed_through_partitions_and_holders() {
    let tree = stack();
    tree.write(
        &tree.root().join("proc/self/mountinfo"),
        "30 1 254:1 / /boot ro,relatime - ext4 /dev/vda1 ro\n\
         31 1 253:0 / /home rw - xfs /dev/mapper/group-home rw\n\
         32 1 253:0 /public /srv\\040x ro - xfs /dev/mapper/group-home rw\n",
    );
    tree.write(&tree.root().join("proc/swaps"), "Filename\n/dev/vdb1 partition 1 0 -2\n");
    let volume = [
        ("/dev/md0".into(), holder("group-home")),
        ("/dev/dm-0".into(), mounted("/home", false)),
        // Bound read-only, and yet written to.
        ("/dev/dm-0".into(), mounted("/srv x", false)),
    ];
    let mut on_a =
        vec![("/dev/vda1".into(), mounted("/boot", true)), ("/dev/vda2".into(), holder("md0"))];
    on_a.extend(volume.clone());
    assert_eq!(uses(&tree, "vda"), on_a);
    assert_eq!(uses(&tree, "vda1"), on_a[..1]);
    assert_eq!(uses(&tree, "vda2"), on_a[1..]);
    let mut on_b = vec![("/dev/vdb1".into(), How::Swap), ("/dev/vdb2".into(), holder("md0"))];
    on_b.extend(volume);
    assert_eq!(uses(&tree, "vdb"), on_b);
}

#[test]
fn an_array_that_may_write_by_itself_is_told() {
    let tree = stack();
    let array = tree.root().join("sys/block/md0/md");
    for (state, action, writes) in [
        ("clean", "idle", false),
        ("readonly", "frozen", false),
        ("active", "idle", true),
        ("clean", "resync", true),
        ("new and unknown", "idle", true),
    ] {
        tree.write(&array.join("array_state"), state);
        tree.write(&array.join("sync_action"), action);
        let found = uses(&tree, "vda2");
        assert_eq!(found[0].1, How::Holder { name: "md0".into(), writes }, "{state} {action}");
        let found = Use { device: "/dev/vda2".into(), how: found[0].1.clone() };
        assert_eq!(found.never_writes(), !writes);
    }
}

#[test]
fn every_disk_below_a_volume_is_found() {
    let tree = stack();
    assert_eq!(below(&tree, "dm-0"), ["/dev/md0", "/dev/dm-0", "/dev/vda", "/dev/vdb"]);
    assert_eq!(below(&tree, "vda1"), ["/dev/vda"]);
    assert_eq!(uses(&tree, "vda1"), []);
}

#[test]
fn a_btrfs_uses_all_its_members_though_its_mount_names_one() {
    let tree = stack();
    let members = tree.root().join("sys/fs/btrfs/0123-4567/devices");
    fs::create_dir_all(&members).unwrap();
    for name in ["vda1", "vdb1"] {
        let target = tree.root().join("sys/class/block").join(name);
        std::os::unix::fs::symlink(target, members.join(name)).unwrap();
    }
    tree.write(
        &tree.root().join("proc/self/mountinfo"),
        "30 1 0:44 /@ /data rw - btrfs /dev/vda1 rw,subvol=/@\n\
         31 1 0:45 / /all rw - bcachefs /dev/vda2:/dev/vdb2 rw\n",
    );
    assert_eq!(uses(&tree, "vdb1"), [("/dev/vdb1".into(), mounted("/data", false))]);
    assert_eq!(uses(&tree, "vda1"), [("/dev/vda1".into(), mounted("/data", false))]);
    assert!(uses(&tree, "vdb2").contains(&("/dev/vdb2".into(), mounted("/all", false))));
}

#[test]
fn a_tree_that_turns_in_circles_is_survived() {
    let tree = stack();
    tree.stacked("dm-1", "253:1", &["dm-0"]);
    // Nothing in the kernel can be like this.
    let (lower, upper) = (tree.root().join("sys/class/block/md0"), "dm-1");
    let upper = tree.root().join("sys/class/block").join(upper);
    for (from, to, name) in [(&lower, &upper, "slaves/dm-1"), (&upper, &lower, "holders/md0")] {
        let link = from.canonicalize().unwrap().join(name);
        fs::create_dir_all(link.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(to.canonicalize().unwrap(), link).unwrap();
    }
    assert_eq!(below(&tree, "dm-1").len(), 5);
    assert!(uses(&tree, "md0").len() >= 3);
}

/// Commands to run at the end, the last one first.
struct Undo(Vec<Vec<String>>);

impl Drop for Undo {
    fn drop(&mut self) {
        for command in self.0.iter().rev() {
            let _ = Command::new(&command[0]).args(&command[1..]).output();
        }
    }
}

impl Undo {
    fn later(&mut self, command: &[&str]) {
        self.0.push(command.iter().map(|word| word.to_string()).collect());
    }
}

fn run(command: &[&str]) -> Option<String> {
    let output = Command::new(command[0]).args(&command[1..]).output().ok()?;
    if !output.status.success() {
        eprintln!("{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}

/// Attaches a file; `None` (said loudly) where this cannot be done.
fn attach(file: &Path, undo: &mut Undo) -> Option<String> {
    let node = run(&["losetup", "--find", "--show", file.to_str().unwrap()]);
    match &node {
        Some(node) => undo.later(&["losetup", "--detach", node]),
        None => eprintln!("SKIPPED: needs root and loop devices"),
    }
    node
}

fn sparse(path: &Path, bytes: u64) {
    fs::File::create(path).unwrap().set_len(bytes).unwrap();
}

fn number(node: &str) -> u64 {
    fs::metadata(node).unwrap().rdev()
}

#[test]
fn real_loop_devices_partitions_and_mounts() {
    let folder = tempfile::tempdir().unwrap();
    let image = folder.path().join("my disk.img");
    sparse(&image, 64 << 20);
    assert_eq!(uses_of(&image).unwrap(), []);
    let script = "printf 'label: gpt\\n,20M\\n,\\n' | sfdisk -q \"$1\"";
    run(&["sh", "-c", script, "sh", image.to_str().unwrap()]).expect("sfdisk");

    let mut undo = Undo(Vec::new());
    let Some(node) = attach(&image, &mut undo) else { return };
    assert_eq!(uses_of(Path::new(&node)).unwrap(), []);
    run(&["partx", "-a", &node]).expect("partx");
    undo.later(&["partx", "-d", &node]);
    let first = format!("{node}p1");
    run(&["mkfs.ext4", "-q", &first]).expect("mkfs.ext4");
    let point = folder.path().join("mount point");
    fs::create_dir(&point).unwrap();
    run(&["mount", &first, point.to_str().unwrap()]).expect("mount");
    undo.later(&["umount", point.to_str().unwrap()]);

    let attached = Use { device: image.clone(), how: How::Loop { device: node.clone().into() } };
    let mount = |read_only| Use {
        device: first.clone().into(),
        how: How::Mounted { at: point.clone(), read_only },
    };
    assert_eq!(uses_of(&image).unwrap(), [attached.clone(), mount(false)]);
    assert_eq!(uses_of(Path::new(&node)).unwrap(), [mount(false)]);
    assert_eq!(uses_of(Path::new(&first)).unwrap(), [mount(false)]);
    assert_eq!(uses_of(Path::new(&format!("{node}p2"))).unwrap(), []);
    assert!(!mount(false).never_writes() && mount(true).never_writes());
    let sentence = mount(false).message().to_string();
    assert!(sentence.contains(&first) && sentence.contains("mount point"), "{sentence}");

    // A file on that mount, attached again: the whole way down is known.
    let inner = point.join("inner.img");
    sparse(&inner, 4 << 20);
    let inner_node = attach(&inner, &mut undo).unwrap();
    let inner_use =
        Use { device: inner.clone(), how: How::Loop { device: inner_node.clone().into() } };
    assert_eq!(uses_of(&inner).unwrap(), [inner_use]);
    let disks = disks_under(&point).unwrap();
    assert!(disks.contains(&number(&node)), "the loop device itself");
    assert!(!disks.contains(&number(&first)), "no partitions");
    let outside = disks_under(folder.path()).unwrap();
    assert!(disks.is_superset(&outside), "and what the file lies on");
    assert!(!outside.contains(&number(&node)));
    assert_eq!(whole_disk(Path::new(&first)).unwrap(), number(&node));
    assert_eq!(whole_disk(Path::new(&node)).unwrap(), number(&node));
    assert!(whole_disk(&image).is_err());
    let system = System::read(Path::new("/"));
    let mut below = BTreeSet::new();
    system.below_device(number(&inner_node), 0, &mut below);
    assert!(below.contains(&number(&node)) && below.is_superset(&outside));

    // Read-only once the file system is, not when one view of it is.
    let (target, other) = (point.to_str().unwrap(), folder.path().join("other"));
    run(&["losetup", "--detach", &inner_node]).unwrap();
    fs::create_dir(&other).unwrap();
    run(&["mount", "--bind", target, other.to_str().unwrap()]).expect("bind mount");
    undo.later(&["umount", other.to_str().unwrap()]);
    run(&["mount", "-o", "remount,bind,ro", other.to_str().unwrap()]).expect("remount");
    let found = uses_of(&image).unwrap();
    assert_eq!(found.len(), 3);
    assert!(found[1..].iter().all(|one| !one.never_writes()), "{found:?}");
    run(&["mount", "-o", "remount,ro", target]).expect("remount");
    let found = uses_of(&image).unwrap();
    assert!(found.iter().all(Use::never_writes), "{found:?}");
}

#[test]
fn a_loop_device_on_a_loop_device_is_a_use_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let image = folder.path().join("disk.img");
    sparse(&image, 4 << 20);
    let mut undo = Undo(Vec::new());
    let Some(lower) = attach(&image, &mut undo) else { return };
    let upper = attach(Path::new(&lower), &mut undo).unwrap();
    let expected =
        Use { device: lower.clone().into(), how: How::Loop { device: upper.clone().into() } };
    assert_eq!(uses_of(Path::new(&lower)).unwrap(), [expected]);
    // A file that was renamed since is still the same file.
    let renamed = folder.path().join("renamed.img");
    fs::rename(&image, &renamed).unwrap();
    assert_eq!(uses_of(&renamed).unwrap().len(), 2);
    sparse(&image, 4 << 20);
    assert_eq!(uses_of(&image).unwrap(), []);
}

#[test]
fn a_real_btrfs_on_two_loop_devices() {
    let folder = tempfile::tempdir().unwrap();
    let mut undo = Undo(Vec::new());
    let mut nodes = Vec::new();
    for name in ["a", "b"] {
        let image = folder.path().join(name);
        sparse(&image, 128 << 20);
        let Some(node) = attach(&image, &mut undo) else { return };
        nodes.push(node);
    }
    run(&["mkfs.btrfs", "-q", "-f", &nodes[0], &nodes[1]]).expect("mkfs.btrfs");
    let point = folder.path().join("mount");
    fs::create_dir(&point).unwrap();
    let target = point.to_str().unwrap();
    if run(&["btrfs", "device", "scan", &nodes[0], &nodes[1]]).is_none()
        || run(&["mount", "-t", "btrfs", &nodes[0], target]).is_none()
    {
        eprintln!("SKIPPED: this kernel has no btrfs");
        return;
    }
    undo.later(&["umount", target]);
    for node in &nodes {
        let expected = How::Mounted { at: point.clone(), read_only: false };
        let expected = Use { device: node.into(), how: expected };
        assert_eq!(uses_of(Path::new(node)).unwrap(), [expected], "{node}");
    }
    // A subvolume has a device number that no mount shows.
    let subvolume = point.join("sub");
    run(&["btrfs", "subvolume", "create", subvolume.to_str().unwrap()]).expect("subvolume");
    let disks = disks_under(&subvolume).unwrap();
    assert!(nodes.iter().all(|node| disks.contains(&number(node))), "{disks:?}");
}

#[test]
fn memory_file_systems_lie_on_no_disk_and_missing_paths_are_errors() {
    assert_eq!(disks_under(Path::new("/proc")).unwrap(), BTreeSet::new());
    assert!(disks_under(Path::new("/no/such/folder")).is_err());
    assert!(uses_of(Path::new("/no/such/file")).is_err());
}
