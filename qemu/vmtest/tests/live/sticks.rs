//! Sticks of every kind, plugged in while the menu is open.

use crate::{SOON, at_the_menu};
use calco_vmtest::live::{
    BuiltSystem, Menu, SMALL_SERIAL, StickKind, Texts, assert_equal, empty_disk, small_disk, stick,
    work_folder,
};
use calco_vmtest::{Bus, Disk, Key, Machine};

#[test]
fn a_disk_is_saved_to_each_kind_of_stick_and_restored_from_it() {
    let Some(built) = BuiltSystem::find("sticks") else { return };
    let work = work_folder("sticks");
    let texts = Texts::english();
    let source = small_disk(work.path());
    let target = empty_disk(&work.path().join("target.img"), 64);
    let machine = Machine::new("sticks")
        .disk(Disk::new(&source).on(Bus::Ahci).serial_number(SMALL_SERIAL))
        .disk(Disk::new(&target).on(Bus::Virtio).serial_number("TARGET1"));
    let mut guest = at_the_menu(&built, machine, &texts);
    let mut menu = Menu { guest: &mut guest, texts: &texts };
    for (number, kind) in StickKind::ALL.into_iter().enumerate() {
        let file = stick(work.path(), kind, 128);
        let disk = Disk::new(&file).on(Bus::Usb).serial_number("STICK1");
        if number == 0 {
            // The list of destinations is open when it comes.
            menu.choose("menu-save");
            menu.choose_text(SMALL_SERIAL, SOON);
            menu.see("menu-save-place");
            menu.guest.keep_screen("no-stick");
            menu.guest.plug("stick", &disk);
            menu.guest.wait_for(kind.label(), SOON);
            menu.guest.keep_screen("stick");
            menu.guest.press(Key::Escape);
            menu.see("menu-save-disks");
            menu.guest.press(Key::Escape);
            menu.see("menu-welcome");
        } else {
            menu.guest.plug("stick", &disk);
        }
        menu.save(SMALL_SERIAL, kind.label(), "small");
        if kind == StickKind::Ntfs {
            menu.restore(kind.label(), "small", "TARGET1");
        }
        menu.guest.unplug("stick");
        kind.check(&file);
    }
    menu.power_off();
    drop(guest);
    assert_equal(&source, &target);
}
