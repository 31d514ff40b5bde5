//! `initramfs/choose-modules` takes what its table says and what that needs, and `live/check` names
//! what is wrong with an ISO.

use std::path::Path;
use std::process::{Command, Output};

fn script(name: &str) -> Command {
    Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join(name))
}

/// Chooses by `table` from a kernel with a few modules, as depmod describes them.
fn choose(table: &str) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write(
        "modules.dep",
        "kernel/fs/ext4/ext4.ko.xz: kernel/fs/jbd2/jbd2.ko.xz kernel/lib/crc16.ko.xz\n\
         kernel/fs/jbd2/jbd2.ko.xz:\n\
         kernel/lib/crc16.ko.xz:\n\
         kernel/crypto/crc32c_generic.ko.xz:\n\
         kernel/drivers/net/ethernet/intel/e1000/e1000.ko.xz:\n\
         kernel/drivers/net/ethernet/intel/e100.ko.xz: kernel/drivers/net/mii.ko.xz\n\
         kernel/drivers/net/mii.ko.xz:\n",
    );
    write("modules.softdep", "# Soft dependencies\nsoftdep ext4 pre: crc32c-generic\n");
    write("modules.builtin", "kernel/drivers/input/keyboard/atkbd.ko\n");
    write("table", table);
    script("initramfs/choose-modules")
        .args([folder.path().join("table"), folder.path().to_path_buf()])
        .output()
        .unwrap()
}

fn chosen(table: &str) -> Vec<String> {
    let output = choose(table);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn what_a_module_needs_comes_along() {
    assert_eq!(
        chosen("# comment\n\nfs/ext4/* ext file systems\n"),
        [
            "kernel/crypto/crc32c_generic.ko.xz",
            "kernel/fs/ext4/ext4.ko.xz",
            "kernel/fs/jbd2/jbd2.ko.xz",
            "kernel/lib/crc16.ko.xz",
        ]
    );
}

#[test]
fn one_star_stays_in_a_folder_and_two_do_not() {
    assert_eq!(
        chosen("drivers/net/ethernet/intel/* cards\n"),
        ["kernel/drivers/net/ethernet/intel/e100.ko.xz", "kernel/drivers/net/mii.ko.xz"]
    );
    assert_eq!(chosen("drivers/net/ethernet/** cards\n").len(), 3);
}

#[test]
fn a_later_line_leaves_out() {
    assert_eq!(
        chosen("drivers/net/ethernet/** cards\n!drivers/net/ethernet/intel/e100 old\n"),
        ["kernel/drivers/net/ethernet/intel/e1000/e1000.ko.xz"]
    );
}

#[test]
fn what_is_built_in_need_not_be_a_module() {
    assert!(chosen("drivers/input/keyboard/atkbd keyboards\n").is_empty());
}

#[test]
fn a_pattern_without_a_match_is_an_error_that_says_what_is_lost() {
    let output = choose("fs/ext4/* ext file systems\nfs/ntfs3/* disks of Windows\n");
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("table:2: the kernel has no fs/ntfs3/*: disks of Windows"), "{text}");
}

#[test]
fn an_entry_needs_a_reason() {
    let output = choose("fs/ext4/*\n");
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains("table:1: no reason given"));
}

#[test]
fn an_iso_that_does_not_boot_is_not_accepted() {
    for tool in ["xorriso", "bsdtar", "zstd"] {
        if Command::new(tool).arg("--version").output().is_err() {
            println!("SKIPPED: {tool} is not installed");
            return;
        }
    }
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("calco")).unwrap();
    let iso = folder.path().join("plain.iso");
    let made = Command::new("xorriso")
        .args(["-as", "mkisofs", "-quiet", "-o"])
        .args([&iso, folder.path().join("calco").as_path()])
        .output()
        .unwrap();
    assert!(made.status.success());
    let output = script("live/check").arg(&iso).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stderr).unwrap();
    for fault in ["does not boot from CD by BIOS", "does not boot from CD by UEFI", "from a stick"]
    {
        assert!(text.contains(fault), "{fault}: {text}");
    }
}
