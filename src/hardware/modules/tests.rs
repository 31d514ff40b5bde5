use super::*;
use std::fs;
use tempfile::TempDir;

/// A folder as depmod writes it, in small: lines as Debian's 6.12 kernel has them.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write(
        "modules.alias",
        "# Aliases extracted from modules themselves.\n\
         alias pci:v*d*sv*sd*bc01sc06i01* ahci\n\
         alias pci:v00008086d00002922sv*sd*bc*sc*i* ahci\n\
         alias pci:v00001AF4d00001001sv*sd*bc*sc*i* virtio_pci\n\
         alias virtio:d00000002v* virtio_blk\n\
         alias usb:v*p*d*dc*dsc*dp*ic08isc06ip50in* usb_storage\n\
         alias usb:v*p*d*dc*dsc*dp*ic08isc06ip62in* uas\n\
         alias fs-ntfs3 ntfs3\n\
         alias crypto-gcm gcm\n\
         alias crypto-gcm(aes) aesni_intel\n\
         alias crypto-crc32c crc32c_generic\n",
    );
    write(
        "modules.dep",
        "kernel/drivers/ata/ahci.ko.xz: kernel/drivers/ata/libahci.ko.xz \
         kernel/drivers/ata/libata.ko.xz kernel/drivers/scsi/scsi_mod.ko.xz \
         kernel/drivers/scsi/scsi_common.ko.xz\n\
         kernel/drivers/ata/libahci.ko.xz: kernel/drivers/ata/libata.ko.xz \
         kernel/drivers/scsi/scsi_mod.ko.xz kernel/drivers/scsi/scsi_common.ko.xz\n\
         kernel/drivers/ata/libata.ko.xz: kernel/drivers/scsi/scsi_mod.ko.xz \
         kernel/drivers/scsi/scsi_common.ko.xz\n\
         kernel/drivers/scsi/scsi_mod.ko.xz: kernel/drivers/scsi/scsi_common.ko.xz\n\
         kernel/drivers/scsi/scsi_common.ko.xz:\n\
         kernel/drivers/usb/storage/usb-storage.ko.xz: kernel/drivers/scsi/scsi_mod.ko.xz \
         kernel/drivers/scsi/scsi_common.ko.xz\n\
         kernel/drivers/usb/storage/uas.ko.xz: kernel/drivers/usb/storage/usb-storage.ko.xz \
         kernel/drivers/scsi/scsi_mod.ko.xz kernel/drivers/scsi/scsi_common.ko.xz\n\
         kernel/fs/ntfs3/ntfs3.ko.xz:\n\
         kernel/fs/nls/nls_iso8859-1.ko.xz:\n\
         kernel/fs/btrfs/btrfs.ko.xz: kernel/lib/raid6/raid6_pq.ko.xz\n\
         kernel/lib/raid6/raid6_pq.ko.xz:\n\
         kernel/crypto/crc32c_generic.ko.xz:\n\
         kernel/crypto/gcm.ko.xz:\n\
         kernel/arch/x86/crypto/aesni-intel.ko.xz:\n",
    );
    write(
        "modules.softdep",
        "# Soft dependencies\nsoftdep btrfs pre: crc32c\nsoftdep btrfs pre: crc32c_generic\n\
         softdep uas post: ntfs3\nsoftdep ntfs3 post: uas\n",
    );
    write("modules.builtin", "kernel/fs/ramfs/ramfs.ko\nkernel/drivers/virtio/virtio_pci.ko\n");
    write("modules.builtin.modinfo", "ext4.alias=fs-ext4\0ext4.license=GPL\0ext4.alias=ext3\0");
    folder
}

fn files(folder: &TempDir, alias: &str) -> Vec<String> {
    match Modules::read(folder.path()).answer(alias) {
        Answer::Load(files) => files.iter().map(|file| name_of(file.to_str().unwrap())).collect(),
        other => panic!("{alias}: {other:?}"),
    }
}

#[test]
fn what_is_needed_comes_first() {
    let folder = folder();
    let modules = ["scsi_common", "scsi_mod", "libata", "libahci", "ahci"];
    let alias = "pci:v00008086d00002922sv00001AF4sd00001100bc01sc06i01";
    assert_eq!(files(&folder, alias), modules);
    assert_eq!(files(&folder, "ahci"), modules);
    let Answer::Load(paths) = Modules::read(folder.path()).answer("gcm") else { panic!() };
    assert_eq!(paths, [folder.path().join("kernel/crypto/gcm.ko.xz")]);
}

#[test]
fn names_and_aliases_of_the_kernel_are_known() {
    let folder = folder();
    assert_eq!(files(&folder, "fs-ntfs3")[0], "ntfs3");
    for name in ["nls_iso8859-1", "nls_iso8859_1"] {
        assert_eq!(files(&folder, name), ["nls_iso8859_1"]);
    }
    assert_eq!(files(&folder, "crypto-gcm(aes)"), ["aesni_intel"]);
    assert_eq!(files(&folder, "usb-storage"), ["scsi_common", "scsi_mod", "usb_storage"]);
}

#[test]
fn wishes_are_followed_where_they_can_be_and_circles_end() {
    let folder = folder();
    // crc32c is no module here; the other wish is.
    assert_eq!(files(&folder, "btrfs"), ["crc32c_generic", "raid6_pq", "btrfs"]);
    assert_eq!(files(&folder, "ntfs3").last().unwrap(), "uas");
    assert_eq!(files(&folder, "uas").last().unwrap(), "ntfs3");
}

#[test]
fn what_is_built_in_needs_nothing() {
    let folder = folder();
    let modules = Modules::read(folder.path());
    for alias in ["ramfs", "fs-ext4", "ext3", "virtio-pci"] {
        assert_eq!(modules.answer(alias), Answer::BuiltIn, "{alias}");
    }
    assert_eq!(modules.answer("pci:v00001234d00001111sv1sd1bc03sc00i00"), Answer::Unknown);
    assert!(!modules.is_empty());
}

#[test]
fn a_folder_without_files_has_no_modules() {
    let folder = tempfile::tempdir().unwrap();
    let modules = Modules::read(folder.path());
    assert!(modules.is_empty());
    assert_eq!(modules.answer("ext4"), Answer::Unknown);
    assert!(matches!(modules.load("ext4"), Outcome::Unknown));
}

#[test]
fn devices_say_their_aliases_in_events_and_files() {
    let sysfs = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = sysfs.path().join("devices").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write("pci0000:00/0000:00:1f.2/uevent", "DRIVER=\nPCI_ID=8086:2922\nMODALIAS=pci:v8086\n");
    write("pci0000:00/0000:00:1f.2/modalias", "pci:v8086\n");
    write("pci0000:00/0000:00:1f.2/ata1/uevent", "DEVTYPE=x\n");
    write("pci0000:00/0000:00:1f.2/ata1/modalias", "scsi:t-0x00\n");
    write("mmc0/uevent", "MODALIAS=mmc:block\n");
    write("zzz/uevent", "MODALIAS=pci:v8086\n");
    assert_eq!(device_aliases(sysfs.path()), ["mmc:block", "pci:v8086", "scsi:t-0x00"]);
}

#[test]
fn a_module_that_starts_is_not_live_yet() {
    let sysfs = tempfile::tempdir().unwrap();
    let module = |name: &str, state: Option<&str>| {
        let folder = sysfs.path().join("module").join(name);
        fs::create_dir_all(&folder).unwrap();
        if let Some(state) = state {
            fs::write(folder.join("initstate"), state).unwrap();
        }
    };
    module("ext4", Some("live\n"));
    module("ahci", Some("coming\n"));
    module("printk", None);
    let live = |name| is_live(sysfs.path(), name);
    assert_eq!(
        [live("ext4"), live("ahci"), live("printk"), live("xfs")],
        [true, false, true, false]
    );
}

#[test]
fn a_file_that_is_no_module_is_refused_by_the_kernel() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bad.ko");
    assert_eq!(load_file(&path).unwrap_err().kind(), io::ErrorKind::NotFound);
    fs::write(&path, b"not a module").unwrap();
    assert!(load_file(&path).is_err());
}
