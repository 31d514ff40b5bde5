//! A machine whose firmware has never heard of the system that is restored to it.

use calco_vmtest::live::{
    BuiltSystem, ENGLISH, LOGIN, MENU, Medium, RealSystem, SYSTEM_BOOT, StickKind, Texts, copy_of,
    empty_disk, stick_with, work_folder,
};
use calco_vmtest::{Bus, Disk, Machine};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// How long the restore of a real system may take.
const RESTORE: Duration = Duration::from_secs(2400);

/// A Debian whose EFI system partition lacks what firmware starts by itself, as most installers
/// leave it: only an entry in the firmware starts it.
fn debian_without_fallback(work: &Path) -> std::path::PathBuf {
    let disk = copy_of(&RealSystem::Uefi.file(), &work.join("source.img"));
    let place = format!("{}@@1M", disk.display());
    let status = Command::new("mdeltree").args(["-i", &place, "::/EFI/BOOT"]).status().unwrap();
    assert!(status.success());
    disk
}

/// A stick with the image `debian` of that disk, and an empty disk to restore it to.
fn stick_and_target(built: &BuiltSystem, work: &Path) -> (Disk, Disk) {
    let source = debian_without_fallback(work);
    let images = work.join("images");
    std::fs::create_dir(&images).unwrap();
    let mut command = Command::new(built.program());
    command.arg("save").arg(&source).arg("--to").arg(&images).args(["--name", "debian"]);
    assert!(command.status().unwrap().success());
    let stick = stick_with(work, &images, 1024);
    let bytes = std::fs::metadata(&source).unwrap().len();
    let target = empty_disk(&work.join("target.img"), bytes >> 20);
    let stick = Disk::new(stick).on(Bus::Usb).serial_number("STICK");
    (stick, Disk::new(target).on(Bus::Ahci).serial_number("TARGET"))
}

#[test]
fn a_restored_system_without_a_fallback_loader_boots_again_and_again() {
    let Some(built) = BuiltSystem::find("boot-entries") else { return };
    let work = work_folder("boot-entries");
    let (stick, target) = stick_and_target(&built, work.path());
    let variables = work.path().join("variables.fd");
    let texts = Texts::english();

    let words = format!(
        "{ENGLISH} calco.then=reboot \
         calco.run=\"restore usb:{}/debian --to serial:TARGET\"",
        StickKind::Ext4.label()
    );
    let machine = Machine::new("boot-entries-restores").firmware(RealSystem::Uefi.firmware());
    let boot = built.boot_with(Medium::Stick, machine.firmware_kind(), work.path(), &words);
    let machine = machine
        .firmware_variables(&variables)
        .boot(boot)
        .disk(target.clone())
        .disk(stick)
        .may_reboot()
        .firmware_chooses();
    let mut guest = machine.start();
    guest.wait_for_output("\\EFI\\debian\\grubx64.efi", MENU + RESTORE);
    guest.wait_for_output(texts.get("init-run-succeeded"), MENU);
    // The stick comes first, but for this once.
    guest.wait_for(LOGIN, MENU + SYSTEM_BOOT);
    drop(guest);

    let target_only = Machine::new("boot-entries-boots").firmware(RealSystem::Uefi.firmware());
    let target_only = target_only.firmware_variables(&variables).disk(target).firmware_chooses();
    let mut guest = target_only.start();
    guest.wait_for(LOGIN, SYSTEM_BOOT);
}

#[test]
fn the_firmware_is_left_alone_when_that_is_wanted() {
    let Some(built) = BuiltSystem::find("no-boot-entry") else { return };
    let work = work_folder("no-boot-entry");
    let (stick, target) = stick_and_target(&built, work.path());
    let texts = Texts::english();

    let words = format!(
        "{ENGLISH} calco.run=\"restore usb:{}/debian --to serial:TARGET --no-boot\"",
        StickKind::Ext4.label()
    );
    let machine = Machine::new("no-boot-entry").firmware(RealSystem::Uefi.firmware());
    let boot = built.boot_with(Medium::Stick, machine.firmware_kind(), work.path(), &words);
    let mut guest = machine.boot(boot).disk(target).disk(stick).start();
    guest.wait_for_output(texts.get("init-run-succeeded"), MENU + RESTORE);
    assert_eq!(guest.wait_for_end(MENU), "guest-shutdown");
    assert!(!guest.output().contains("\\EFI\\debian"), "{}", guest.output());
}
