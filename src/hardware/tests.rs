use super::testing::{SECTORS_500_GB, Tree, scsi_designator};
use super::*;

fn names(disk: &Disk) -> Vec<&str> {
    disk.names.iter().map(String::as_str).collect()
}

#[test]
fn a_sata_disk() {
    let tree = Tree::new();
    tree.sata(1, "sda", "WDC WD5000AAKX-00ERMA0", "WD-WCC2E0123456", Some(0x50014ee2b1234567));
    let inventory = tree.inventory();
    let [disk] = inventory.disks.as_slice() else { panic!("{inventory:?}") };
    assert_eq!((disk.kernel_name.as_str(), disk.path.to_str()), ("sda", Some("/dev/sda")));
    assert_eq!(disk.bus, Bus::Ata);
    assert_eq!(disk.vendor, None, "ATA is no vendor");
    assert_eq!(disk.model.as_deref(), Some("WDC WD5000AAKX-00ERMA0"), "in full");
    assert_eq!(disk.serial.as_deref(), Some("WD-WCC2E0123456"));
    assert_eq!(disk.wwn.as_deref(), Some("0x50014ee2b1234567"));
    assert_eq!(disk.size, SECTORS_500_GB * 512);
    assert_eq!((disk.logical_sector_size, disk.physical_sector_size), (512, 4096));
    assert!(disk.rotational && disk.internal && !disk.removable && !disk.read_only);
    assert_eq!(disk.sequence, Some(0));
    assert_eq!(disk.transport_path.as_deref(), Some("pci-0000:00:1f.2-ata-1.0"));
    assert_eq!(
        names(disk),
        ["ata-WDC_WD5000AAKX-00ERMA0_WD-WCC2E0123456", "wwn-0x50014ee2b1234567"]
    );
    assert_eq!(disk.health.verdict, smart::Verdict::Unknown, "nobody asked it");
    assert!(inventory.hidden.is_empty(), "its controller has a driver");
}

#[test]
fn a_usb_stick_with_and_without_a_serial_number() {
    let tree = Tree::new();
    tree.usb_stick("sdb", "SanDisk ", "Ultra           ", Some("4C530001180417117093"));
    let disk = &tree.inventory().disks[0];
    assert_eq!((disk.bus, disk.removable, disk.internal), (Bus::Usb, true, false));
    assert_eq!(disk.title(), "SanDisk Ultra");
    assert_eq!(disk.serial.as_deref(), Some("4C530001180417117093"), "not the 0000 of its page");
    assert_eq!(names(disk), ["usb-SanDisk_Ultra_4C530001180417117093-0:0"]);
    let path = "pci-0000:00:14.0-usb-0:4:1.0-scsi-0:0:0:0";
    assert_eq!(disk.transport_path.as_deref(), Some(path));

    let tree = Tree::new();
    tree.usb_stick("sdb", "Generic ", "Flash Disk      ", None);
    assert_eq!(names(&tree.inventory().disks[0]), ["usb-Generic_Flash_Disk-0:0"]);
}

#[test]
fn an_nvme_disk() {
    let tree = Tree::new();
    let wwid = "eui.0025385b71b04e1a";
    tree.nvme(0, "Samsung SSD 970 EVO 500GB", "S466NX0K123456A", wwid);
    let disk = &tree.inventory().disks[0];
    assert_eq!((disk.bus, disk.internal), (Bus::Nvme, true));
    assert_eq!(disk.model.as_deref(), Some("Samsung SSD 970 EVO 500GB"));
    assert_eq!(disk.serial.as_deref(), Some("S466NX0K123456A"));
    assert_eq!(disk.wwn.as_deref(), Some(wwid));
    assert_eq!(disk.transport_path.as_deref(), Some("pci-0000:01:00.0-nvme-1"));
    assert_eq!(
        names(disk),
        [
            "nvme-Samsung_SSD_970_EVO_500GB_S466NX0K123456A",
            "nvme-Samsung_SSD_970_EVO_500GB_S466NX0K123456A_1",
            "nvme-eui.0025385b71b04e1a",
        ]
    );
    assert_eq!(disk.partitions.len(), 1);
    assert_eq!(disk.partition_path(1), Path::new("/dev/nvme0n1p1"));
}

#[test]
fn an_nvme_disk_behind_thunderbolt_is_not_internal() {
    let tree = Tree::new();
    tree.nvme(0, "Portable", "1", "eui.1");
    let controller = tree.root().join("sys/devices/pci0000:00/0000:01:00.0");
    tree.write(&controller.join("removable"), "removable\n");
    assert!(!tree.inventory().disks[0].internal);
}

#[test]
fn virtio_disks_with_and_without_a_serial_number() {
    let tree = Tree::new();
    tree.virtio("vda", Some("my serial"), 0);
    tree.virtio("vdb", None, 16);
    let inventory = tree.inventory();
    let [a, b] = inventory.disks.as_slice() else { panic!("{inventory:?}") };
    assert_eq!((a.bus, a.internal, names(a)), (Bus::Virtio, true, vec!["virtio-my_serial"]));
    assert_eq!((b.serial.clone(), names(b)), (None, vec![]));
    assert_eq!(b.title(), "virtio");
    assert_eq!(b.transport_path.as_deref(), Some("pci-0000:00:04.0"));
}

#[test]
fn emmc_and_sd_card() {
    for (kind, bus, internal) in [("MMC", Bus::Mmc, true), ("SD", Bus::SdCard, false)] {
        let tree = Tree::new();
        tree.mmc(kind, "DF4064", "0x5e6c6b5d");
        let inventory = tree.inventory();
        let [disk] = inventory.disks.as_slice() else { panic!("{inventory:?}") };
        assert_eq!((disk.bus, disk.internal), (bus, internal));
        assert_eq!(names(disk), ["mmc-DF4064_0x5e6c6b5d"]);
        assert_eq!(disk.partition_path(2), Path::new("/dev/mmcblk0p2"));
        assert_eq!(inventory.derived[0].kind, DerivedKind::MmcBootArea);
        assert!(inventory.derived[0].read_only);
    }
}

#[test]
fn scsi_disks_are_named_by_their_best_designator() {
    // The form of QEMU's scsi-hd without a serial number.
    let tree = Tree::new();
    tree.scsi("sda", "QEMU    ", "QEMU HARDDISK   ", &[scsi_designator(2, 0, b"drive-scsi0-0-0")]);
    let disk = &tree.inventory().disks[0];
    assert_eq!(names(disk), ["scsi-0QEMU_QEMU_HARDDISK_drive-scsi0-0-0"]);
    assert_eq!((disk.bus, disk.wwn.clone()), (Bus::Scsi, None));

    // A registered name goes before a vendor's text.
    let tree = Tree::new();
    tree.scsi(
        "sda",
        "Msft    ",
        "Virtual Disk    ",
        &[
            scsi_designator(2, 1, b"MSFT    abc"),
            scsi_designator(1, 3, &[0x60, 0x02, 0x24, 0x80, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]),
        ],
    );
    assert_eq!(
        names(&tree.inventory().disks[0]),
        ["scsi-3600224800102030405060708090a0b0c", "wwn-0x600224800102030405060708090a0b0c"]
    );
}

#[test]
fn links_of_udev_are_taken_as_well() {
    let tree = Tree::new();
    tree.virtio("vda", Some("one"), 0);
    tree.by_id(&[("virtio-one", "vda"), ("lvm-pv-uuid-abc", "vda"), ("virtio-one-part1", "vda1")]);
    assert_eq!(names(&tree.inventory().disks[0]), ["lvm-pv-uuid-abc", "virtio-one"]);
}

#[test]
fn what_is_no_disk_is_left_out_and_what_is_derived_is_apart() {
    let tree = Tree::new();
    tree.sata(1, "sda", "A", "1", None);
    tree.sata(2, "sdb", "B", "2", None);
    for (name, number) in [("zram0", "252:0"), ("ram0", "1:0"), ("dm-0", "253:0"), ("sr0", "11:0")]
    {
        tree.block("virtual", name, number, 2048, &[]);
    }
    tree.block("virtual", "nvme0c0n1", "259:9", 2048, &[("hidden", "1")]);
    tree.block("virtual", "loop0", "7:0", 0, &[]);
    tree.block("virtual", "loop1", "7:1", 2048, &[("loop/backing_file", "/tmp/disk.img")]);
    tree.block("virtual", "nbd0", "43:0", 0, &[]);
    let array = tree.stacked("md0", "9:0", &["sda", "sdb"]);
    tree.write(&array.join("md/level"), "raid1\n");
    let inventory = tree.inventory();
    let disks: Vec<&str> = inventory.disks.iter().map(|d| d.kernel_name.as_str()).collect();
    assert_eq!(disks, ["sda", "sdb"]);
    let derived: Vec<_> =
        inventory.derived.iter().map(|d| (d.kernel_name.as_str(), &d.kind)).collect();
    assert_eq!(
        derived,
        [
            ("loop1", &DerivedKind::Loop { backing: "/tmp/disk.img".into() }),
            (
                "md0",
                &DerivedKind::Raid {
                    level: Some("raid1".into()),
                    members: vec!["sda".into(), "sdb".into()]
                }
            )
        ]
    );
}

#[test]
fn disks_come_in_the_order_people_count() {
    let tree = Tree::new();
    for (minor, name) in ["vdaa", "vdb", "vda", "vdz"].into_iter().enumerate() {
        tree.virtio(name, None, 16 * minor as u32);
    }
    let inventory = tree.inventory();
    let disks: Vec<&str> = inventory.disks.iter().map(|d| d.kernel_name.as_str()).collect();
    assert_eq!(disks, ["vda", "vdb", "vdz", "vdaa"]);
}

#[test]
fn firmware_modes() {
    let tree = Tree::new();
    let read = || tree.inventory().firmware;
    assert_eq!((read().mode, read().secure_boot), (FirmwareMode::Bios, SecureBoot::Off));

    let efi = tree.root().join("sys/firmware/efi");
    std::fs::create_dir_all(efi.join("efivars")).unwrap();
    assert_eq!((read().mode, read().secure_boot), (FirmwareMode::Uefi, SecureBoot::Unknown));
    let variable = |name: &str, value: &[u8]| {
        let name = format!("efivars/{name}-8be4df61-93ca-11d2-aa0d-00e098032b8c");
        tree.write(&efi.join(name), [&[6, 0, 0, 0], value].concat());
    };
    variable("BootCurrent", &[1, 0]);
    assert_eq!(read().secure_boot, SecureBoot::Off, "this firmware has no Secure Boot");
    variable("SecureBoot", &[1]);
    variable("SetupMode", &[0]);
    assert_eq!((read().secure_boot, read().setup_mode), (SecureBoot::On, Some(false)));
    variable("SetupMode", &[1]);
    assert_eq!(read().secure_boot, SecureBoot::Off);
    variable("SecureBoot", &[]);
    assert_eq!(read().secure_boot, SecureBoot::Unknown, "cut off");
}

#[test]
fn the_machine_says_its_name() {
    let tree = Tree::new();
    let dmi = |name: &str, value: &str| {
        tree.write(&tree.root().join("sys/class/dmi/id").join(name), format!("{value}\n"));
    };
    dmi("sys_vendor", "LENOVO");
    dmi("product_name", "20HRCTO1WW");
    dmi("product_version", "ThinkPad X1 Carbon 5th");
    dmi("product_serial", "PF0ABCDE");
    let firmware = tree.inventory().firmware;
    assert_eq!(firmware.product.as_deref(), Some("ThinkPad X1 Carbon 5th"));
    assert_eq!(firmware.serial.as_deref(), Some("PF0ABCDE"));
    dmi("sys_vendor", "To Be Filled By O.E.M.");
    dmi("board_vendor", "ASRock");
    dmi("product_name", "System Product Name");
    dmi("board_name", "B450M Pro4");
    dmi("product_serial", "0000000");
    let firmware = tree.inventory().firmware;
    assert_eq!(firmware.vendor.as_deref(), Some("ASRock"));
    assert_eq!(firmware.product.as_deref(), Some("B450M Pro4"));
    assert_eq!(firmware.serial, None);
}

#[test]
fn hostile_attributes_are_survived() {
    let tree = Tree::new();
    tree.virtio("vda", Some("\x1b[2J evil\u{7f} ../../etc"), 0);
    let disk = &tree.root().join("sys/block/vda");
    tree.write(&disk.join("size"), "18446744073709551615");
    tree.write(&disk.join("queue/logical_block_size"), "none");
    let inventory = tree.inventory();
    let disk = &inventory.disks[0];
    assert_eq!((disk.size, disk.logical_sector_size), (u64::MAX, 512));
    assert_eq!(disk.serial.as_deref(), Some("?[2J evil? ../../etc"));
    assert_eq!(names(disk), ["virtio-__2J_evil__.._.._etc"]);
}

#[test]
fn this_machine_is_read() {
    // Whatever it has: the disks of the running system are found, and nothing fails.
    let inventory = inventory();
    for disk in &inventory.disks {
        assert!(disk.logical_sector_size >= 512, "{disk:?}");
    }
    let json = serde_json::to_value(&inventory).unwrap();
    assert_eq!(json["disks"].as_array().unwrap().len(), inventory.disks.len());
}
