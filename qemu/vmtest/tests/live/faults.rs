//! Computers on which something is missing or broken.

use crate::{SOON, at_the_menu, enter_shell, shell_command};
use calco_vmtest::live::{
    BuiltSystem, ENGLISH, MENU, Menu, RealSystem, SMALL_SERIAL, StickKind, Texts, small_disk,
    stick, work_folder,
};
use calco_vmtest::{Bus, Disk, Key, Machine};
use std::time::Duration;

/// How long a job with a small disk may take.
const SMALL_JOB: Duration = Duration::from_secs(600);

#[test]
fn without_a_disk_the_menu_says_so_and_a_killed_menu_comes_back() {
    let Some(built) = BuiltSystem::find("faults-no-disk") else { return };
    let texts = Texts::english();
    let mut guest = at_the_menu(&built, Machine::new("faults-no-disk").memory(256), &texts);
    let mut menu = Menu { guest: &mut guest, texts: &texts };
    menu.choose("menu-save");
    menu.see("menu-no-disks");
    menu.guest.keep_screen("no-disk");
    menu.guest.press(Key::Escape);
    menu.see("menu-welcome");

    enter_shell(&mut menu);
    menu.guest.type_text("kill -KILL $PPID\r");
    menu.see("init-menu-ended");
    menu.guest.keep_screen("killed");
    menu.see("menu-welcome");
    menu.power_off();
}

#[test]
fn a_controller_without_a_driver_is_named() {
    let Some(built) = BuiltSystem::find("faults-no-driver") else { return };
    let work = work_folder("faults-no-driver");
    let texts = Texts::english();
    let disk = Disk::new(small_disk(work.path())).on(Bus::Nvme).serial_number(SMALL_SERIAL);
    let machine = Machine::new("faults-no-driver").disk(disk);
    let words = format!("{ENGLISH} module_blacklist=nvme");
    let mut guest = machine.boot(built.boot_kernel(&words)).start();
    guest.wait_for(texts.get("menu-welcome"), MENU);
    let mut menu = Menu { guest: &mut guest, texts: &texts };
    menu.choose("menu-disks");
    menu.see("hardware-no-driver");
    menu.guest.keep_screen("no-driver");
}

#[test]
fn bad_sectors_end_an_unattended_save_with_a_warning_that_stays() {
    let Some(built) = BuiltSystem::find("faults-bad-sectors") else { return };
    let work = work_folder("faults-bad-sectors");
    let texts = Texts::english();
    // In the middle of the files of the ext4.
    let bad = Disk::new(small_disk(work.path())).on(Bus::Ahci).serial_number(SMALL_SERIAL);
    let bad = bad.read_error_at(20_000).read_error_at(20_001);
    let usb = stick(work.path(), StickKind::Ext4, 128);
    let words = format!(
        "{ENGLISH} calco.run=\"save serial:{SMALL_SERIAL} --to usb:{} --name damaged\"",
        StickKind::Ext4.label()
    );
    let machine = Machine::new("faults-bad-sectors").disk(bad).disk(Disk::new(usb).on(Bus::Usb));
    let mut guest = machine.boot(built.boot_kernel(&words)).start();
    guest.wait_for(texts.get("init-code-data-lost"), MENU + SMALL_JOB);
    guest.wait_for(texts.get("init-run-stays"), SOON);
    guest.keep_screen("data-lost");
    guest.press(Key::Enter);
    guest.wait_for(texts.get("menu-welcome"), SOON);
}

#[test]
fn a_stick_pulled_out_in_the_middle_of_a_save_ends_it_with_an_explanation() {
    let Some(built) = BuiltSystem::find("faults-pulled-out") else { return };
    let work = work_folder("faults-pulled-out");
    let texts = Texts::english();
    let usb = Disk::new(stick(work.path(), StickKind::Ext4, 1024)).on(Bus::Usb);
    let machine = Machine::new("faults-pulled-out").disk(RealSystem::BiosMbr.disk());
    let mut guest = at_the_menu(&built, machine, &texts);
    guest.plug("backup", &usb);
    let mut menu = Menu { guest: &mut guest, texts: &texts };
    menu.begin_save("SOURCE", StickKind::Ext4.label(), "cut-off");
    // Ten percent are enough to be in the middle of it.
    menu.guest.wait_until("progress", SMALL_JOB, |screen| {
        screen.line_with(" %").is_some_and(|line| !line.contains("]   "))
    });
    menu.guest.keep_screen("before");
    menu.guest.unplug("backup");
    menu.see_within("destination-removed", SMALL_JOB);
    menu.guest.keep_screen("pulled-out");
    menu.guest.screenshot("pulled-out");
    menu.guest.press(Key::Enter);
    // It can be done again with the stick in its place.
    menu.guest.press(Key::Escape);
    menu.guest.plug("backup", &usb);
    enter_shell_from_anywhere(&mut menu);
    let word = format!("calco prune usb:{} --unfinished --yes", StickKind::Ext4.label());
    // What only the stick's journal knows is seen when it is written to.
    shell_command(menu.guest, &word, &format!("usb:{}/cut-off", StickKind::Ext4.label()));
}

/// Escape leads back to the main menu, screen by screen.
#[track_caller]
fn enter_shell_from_anywhere(menu: &mut Menu<'_>) {
    let welcome = menu.texts.get("menu-welcome").to_owned();
    for _ in 0..10 {
        if menu.guest.screen().says(&welcome) {
            break;
        }
        menu.guest.press(Key::Escape);
        std::thread::sleep(Duration::from_secs(2));
    }
    enter_shell(menu);
}

#[test]
fn an_unattended_save_is_stopped_by_ctrl_c_and_says_so() {
    let Some(built) = BuiltSystem::find("faults-ctrl-c") else { return };
    let work = work_folder("faults-ctrl-c");
    let texts = Texts::english();
    // Large and full: the save takes long enough to be stopped.
    let full = work.path().join("full.img");
    let mebibyte: Vec<u8> =
        (0..1u32 << 20).map(|number| (number.wrapping_mul(number) >> 11) as u8).collect();
    let mut bytes = mebibyte.repeat(400);
    for (number, piece) in bytes.chunks_mut(1 << 20).enumerate() {
        // No two are the same, or one would be stored for all.
        piece[..8].copy_from_slice(&number.to_le_bytes());
    }
    std::fs::write(&full, bytes).unwrap();
    let usb = stick(work.path(), StickKind::Ext4, 512);
    let words = format!(
        "{ENGLISH} calco.run=\"save serial:FULL --to usb:{} --name stopped --level 9\"",
        StickKind::Ext4.label()
    );
    let machine = Machine::new("faults-ctrl-c")
        .disk(Disk::new(&full).on(Bus::Virtio).serial_number("FULL"))
        .disk(Disk::new(&usb).on(Bus::Usb).serial_number("STICK"));
    let mut guest = machine.boot(built.boot_kernel(&words)).start();
    guest.wait_for_output("Saving: ", MENU + SMALL_JOB);
    guest.press(Key::Control('c'));
    guest.wait_for_output(texts.get("init-code-interrupted"), SMALL_JOB);
    guest.wait_for(texts.get("init-run-stays"), SOON);
    guest.keep_screen("stopped");
    guest.press(Key::Enter);
    guest.wait_for(texts.get("menu-welcome"), SOON);
    Menu { guest: &mut guest, texts: &texts }.power_off();
    drop(guest);
    StickKind::Ext4.check(&usb);
}
