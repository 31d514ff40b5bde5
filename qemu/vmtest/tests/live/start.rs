//! Starting the live system from each medium.

use crate::{SOON, as_it_is, enter_shell, shell_command, vga_text};
use calco_vmtest::live::{BuiltSystem, MENU, Medium, Menu, Texts, work_folder};
use calco_vmtest::{Disk, Firmware, Key, Machine};

#[test]
fn a_bios_with_256_mib_starts_the_cd_and_each_console_has_a_menu() {
    let Some(built) = BuiltSystem::find("start-bios-cd") else { return };
    let work = work_folder("start-bios-cd");
    let machine = Machine::new("start-bios-cd").memory(256);
    let boot = as_it_is(&built, Medium::Cd, &machine, work.path());
    let mut guest = machine.boot(boot).start();

    // Spanish on the serial line.
    let texts = Texts::spanish();
    guest.wait_for("Language / Idioma", MENU);
    guest.screenshot("language");
    let mut menu = Menu { guest: &mut guest, texts: &texts };
    menu.choose_text("Español", SOON);
    menu.see("menu-keyboard-text");
    menu.guest.keep_screen("keyboard");
    menu.choose_text("(latam)", SOON);
    menu.see("menu-keyboard-try");
    menu.guest.type_text("ñandú");
    menu.guest.wait_for("ñandú", SOON);
    menu.guest.press(Key::Enter);
    menu.see("menu-welcome");
    menu.guest.keep_screen("menu-spanish");

    // English on the screen and keyboard.
    menu.guest.press_on_keyboard(Key::Enter);
    enter_shell(&mut menu);
    let english = Texts::english();
    wait_for_vga(menu.guest, english.get("menu-keyboard-text"));
    menu.guest.screenshot("keyboard");
    menu.guest.press_on_keyboard(Key::Enter);
    wait_for_vga(menu.guest, english.get("menu-keyboard-try"));
    menu.guest.type_on_keyboard("z-9");
    wait_for_vga(menu.guest, "z-9");
    menu.guest.press_on_keyboard(Key::Enter);
    wait_for_vga(menu.guest, english.get("menu-save"));
    menu.guest.screenshot("menu-english");
    menu.guest.press_on_keyboard(Key::Down);
    wait_for_vga(menu.guest, &format!("> 2 {}", english.get("menu-restore")));
    menu.guest.screenshot("moved");

    shell_command(menu.guest, "exit", "");
    menu.see("menu-welcome");
    menu.power_off();
}

/// Waits until the screen shows this, looking by the serial line's shell.
#[track_caller]
fn wait_for_vga(guest: &mut calco_vmtest::Guest, words: &str) {
    let mut shown = String::new();
    for _ in 0..60 {
        shown = vga_text(guest);
        if shown.contains(words) {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(500));
    }
    let picture = guest.screenshot("failed");
    panic!("the screen does not show {words:?} but {shown:?}\n{}", picture.display());
}

#[test]
fn secure_boot_with_512_mib_starts_the_stick_which_can_then_be_pulled_out() {
    let Some(built) = BuiltSystem::find("start-secure-boot-usb") else { return };
    let work = work_folder("start-secure-boot-usb");
    let disk = Disk::new(calco_vmtest::live::small_disk(work.path())).serial_number("SMALL1");
    let machine = Machine::notebook("start-secure-boot-usb", disk);
    let boot = as_it_is(&built, Medium::Stick, &machine, work.path());
    let mut guest = machine.boot(boot).start();
    let texts = Texts::english();
    guest.wait_for("Language / Idioma", MENU);
    guest.screenshot("language");
    guest.unplug("live");
    let mut menu = Menu { guest: &mut guest, texts: &texts };
    menu.choose_text("English", SOON);
    menu.see("menu-keyboard-text");
    menu.choose_text("(us)", SOON);
    menu.see("menu-keyboard-try");
    menu.guest.press(Key::Enter);
    menu.see("menu-welcome");
    menu.guest.keep_screen("menu");
    enter_shell(&mut menu);
    // What was in no cache before is there as well: everything is in memory.
    shell_command(menu.guest, "calco disks", texts.get("ui-firmware-secure-boot"));
    shell_command(menu.guest, "exit", "");
    menu.see("menu-welcome");
    menu.power_off();
}

/// Starts from the network, and sees the menu.
fn starts_from_network(name: &str, firmware: Firmware) {
    let Some(built) = BuiltSystem::find(name) else { return };
    let work = work_folder(name);
    let machine = Machine::new(name).firmware(firmware);
    let boot =
        built.boot_with(Medium::Network, firmware, work.path(), "calco.lang=es calco.keymap=es");
    let mut guest = machine.boot(boot).start();
    guest.wait_for(Texts::spanish().get("menu-welcome"), MENU);
    guest.screenshot("menu-spanish");
}

#[test]
fn a_bios_starts_from_the_network() {
    starts_from_network("start-bios-pxe", Firmware::Bios);
}

#[test]
fn secure_boot_starts_from_the_network() {
    starts_from_network("start-secure-boot-pxe", Firmware::UefiSecureBoot);
}
