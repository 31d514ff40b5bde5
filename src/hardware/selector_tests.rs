use super::super::testing::Tree;
use super::*;

/// A machine with an internal SATA disk, an NVMe disk, a stick, and a loop device.
fn machine() -> Tree {
    let tree = Tree::new();
    tree.sata(1, "sda", "WDC WD5000AAKX", "WD-1", Some(0x50014ee2b1234567));
    tree.nvme(0, "Samsung SSD 970", "S466", "eui.0025385b71b04e1a");
    tree.usb_stick("sdb", "SanDisk ", "Ultra", Some("4C53"));
    tree.block("virtual", "loop7", "7:7", 2048, &[("loop/backing_file", "/tmp/disk.img")]);
    tree
}

fn path(word: &str, inventory: &Inventory) -> String {
    let selected = resolve(word, inventory).unwrap();
    selected.path.display().to_string()
}

fn failure(word: &str, inventory: &Inventory) -> (ErrorKind, String) {
    let error = resolve(word, inventory).unwrap_err();
    (error.kind(), error.report())
}

#[test]
fn every_way_of_naming_finds_the_disk() {
    let inventory = machine().inventory();
    for (word, expected) in [
        ("sda", "/dev/sda"),
        ("loop7", "/dev/loop7"),
        ("nvme0n1p1", "/dev/nvme0n1p1"),
        ("serial:WD-1", "/dev/sda"),
        ("serial:4C53", "/dev/sdb"),
        ("id:ata-WDC*", "/dev/sda"),
        ("id:*970*_1", "/dev/nvme0n1"),
        ("id:ata-WDC_WD5000AAKX_WD-1", "/dev/sda"),
        ("id:0x50014ee2b1234567", "/dev/sda"),
        ("id:wwn-0x50014ee2b1234567", "/dev/sda"),
        ("id:eui.0025385b71b04e1a", "/dev/nvme0n1"),
        ("/dev/disk/by-id/ata-WDC_WD5000AAKX_WD-1", "/dev/sda"),
        ("/dev/disk/by-id/nvme-Samsung_SSD_970_S466-part1", "/dev/nvme0n1p1"),
        ("/dev/disk/by-path/pci-0000:00:1f.2-ata-1.0", "/dev/sda"),
        ("/dev/disk/by-diskseq/96", "/dev/sdb"),
    ] {
        assert_eq!(path(word, &inventory), expected, "{word}");
    }
    let partition = resolve("/dev/disk/by-id/nvme-Samsung_SSD_970_S466-part1", &inventory).unwrap();
    assert_eq!((partition.disk.as_deref(), partition.partition), (Some("nvme0n1"), Some(1)));
}

#[test]
fn no_match_lists_what_is_there() {
    let inventory = machine().inventory();
    for word in ["sdz", "serial:WD", "id:ata-WDC", "id:WDC*", "/dev/disk/by-id/ata-WDC"] {
        let (kind, report) = failure(word, &inventory);
        assert_eq!(kind, ErrorKind::NotFound, "{word}");
        for fact in [word, "/dev/sda", "WDC WD5000AAKX", "500 GB", "WD-1", "4C53"] {
            assert!(report.contains(fact), "{word}: {fact} is not in {report}");
        }
    }
    let (kind, report) = failure("/dev/disk/by-id/ata-WDC_WD5000AAKX_WD-1-part3", &inventory);
    assert_eq!(kind, ErrorKind::NotFound);
    assert!(report.contains("/dev/sda") && report.contains('3'), "{report}");
    let (kind, _) = failure("internal,only", &Tree::new().inventory());
    assert_eq!(kind, ErrorKind::NotFound);
}

#[test]
fn several_matches_are_refused_with_what_tells_them_apart() {
    // Two disks of one model whose maker gave both the same serial number.
    let tree = Tree::new();
    tree.sata(1, "sda", "CHEAP SSD 1TB", "0123456789AB", None);
    tree.sata(2, "sdb", "CHEAP SSD 1TB", "0123456789AB", None);
    // udev's link leads to one of them only: it must not be believed.
    tree.by_id(&[("ata-CHEAP_SSD_1TB_0123456789AB", "sdb")]);
    let inventory = tree.inventory();
    for word in [
        "serial:0123456789AB",
        "id:ata-CHEAP*",
        "/dev/disk/by-id/ata-CHEAP_SSD_1TB_0123456789AB",
        "/dev/disk/by-id/ata-CHEAP_SSD_1TB_0123456789AB-part1",
        "internal,only",
    ] {
        let (kind, report) = failure(word, &inventory);
        assert_eq!(kind, ErrorKind::Refused, "{word}");
        for fact in ["/dev/sda", "/dev/sdb", "CHEAP SSD 1TB", "0123456789AB", "ata-1.0", "ata-2.0"]
        {
            assert!(report.contains(fact), "{word}: {fact} is not in {report}");
        }
    }
    assert_eq!(path("/dev/disk/by-path/pci-0000:00:1f.2-ata-2.0", &inventory), "/dev/sdb");
}

#[test]
fn the_only_internal_disk() {
    let tree = Tree::new();
    tree.sata(1, "sda", "A", "1", None);
    tree.usb_stick("sdb", "SanDisk ", "Ultra", Some("4C53"));
    assert_eq!(path("internal,only", &tree.inventory()), "/dev/sda");
    // An empty card reader is no disk.
    tree.sata(3, "sdc", "Reader", "2", None);
    tree.write(&tree.root().join("sys/block/sdc/size"), "0\n");
    assert_eq!(path("internal,only", &tree.inventory()), "/dev/sda");
    tree.nvme(0, "B", "2", "eui.1");
    assert_eq!(failure("internal,only", &tree.inventory()).0, ErrorKind::Refused);
}

#[test]
fn plain_files_and_what_is_neither() {
    let inventory = machine().inventory();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("disk.img");
    fs::write(&file, "x").unwrap();
    let word = file.to_str().unwrap();
    let expected = Selected { path: file.clone(), disk: None, partition: None };
    assert_eq!(resolve(word, &inventory).unwrap(), expected);
    assert_eq!(failure(folder.path().to_str().unwrap(), &inventory).0, ErrorKind::Usage);
    assert_eq!(failure("/dev/null", &inventory).0, ErrorKind::Usage);
    let (kind, report) = failure("/dev/sdzz", &inventory);
    assert_eq!(kind, ErrorKind::NotFound);
    assert!(report.contains("WDC WD5000AAKX"), "{report}");
    let (kind, report) = failure("/no/such/file", &inventory);
    assert_eq!(kind, ErrorKind::NotFound);
    assert!(!report.contains("WDC"), "no disk was meant: {report}");
}

#[test]
fn words_that_can_mean_nothing() {
    let inventory = machine().inventory();
    for word in ["", " ", "id:", "serial: ", "id:[", "id:a***"] {
        assert_eq!(failure(word, &inventory).0, ErrorKind::Usage, "{word:?}");
    }
}

#[test]
fn a_word_for_a_disk_and_a_file_is_refused() {
    // Cargo runs tests in the folder of the package, which has this file and no such disk.
    let tree = Tree::new();
    assert_eq!(path("Cargo.toml", &tree.inventory()), "Cargo.toml");
    tree.virtio("Cargo.toml", None, 0);
    let inventory = tree.inventory();
    let (kind, report) = failure("Cargo.toml", &inventory);
    assert_eq!(kind, ErrorKind::Refused);
    assert!(report.contains("./Cargo.toml"), "{report}");
}

#[test]
fn stable_and_unstable_names() {
    for word in [
        "sda",
        "sda1",
        "/dev/sda",
        "/dev/sdaa12",
        "/dev/../dev/sda",
        "/dev//./sda",
        "/dev/nvme0n1",
        "/dev/nvme0n1p2",
        "/dev/vda",
        "/dev/vda3",
        "/dev/mmcblk0",
        "/dev/mmcblk0p1",
        "/dev/xvda",
        "/dev/md0",
        "/dev/md127p1",
        "/dev/dm-0",
        "/dev/sr0",
        "nvme0n1",
        "/dev/disk/by-diskseq/7",
        "",
    ] {
        assert!(!is_stable_name(word), "{word}");
    }
    for word in [
        "/dev/disk/by-id/ata-X",
        "/dev/disk/by-path/pci-0000:00:1f.2-ata-1",
        "/dev/disk/by-id/ata-X-part1",
        "id:ata-*",
        "serial:1",
        "internal,only",
        "/dev/loop0",
        "/dev/loop0p1",
        "loop3",
        "/dev/nbd0",
        "/dev/nbd0p2",
        "/dev/mapper/vg-root",
        "/dev/md/data",
        "Cargo.toml",
        "./Cargo.toml",
        "/tmp/disk.img",
    ] {
        assert!(is_stable_name(word), "{word}");
    }
}

#[test]
fn a_link_to_a_kernels_name_is_as_unstable_as_the_name() {
    let inventory = Inventory::read(Path::new("/"));
    let Some(disk) = inventory.disks.first() else {
        eprintln!("SKIPPED: this machine has no disk");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join("mydisk");
    std::os::unix::fs::symlink(&disk.path, &link).unwrap();
    assert!(!is_stable_name(link.to_str().unwrap()));
    let selected = resolve(link.to_str().unwrap(), &inventory).unwrap();
    assert_eq!(selected.disk.as_deref(), Some(disk.kernel_name.as_str()));
}
