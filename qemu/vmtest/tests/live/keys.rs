//! Terminals as people have them.

use crate::{SOON, at_the_menu, enter_shell, shell_command};
use calco_vmtest::live::{BuiltSystem, Menu, Texts, choices};
use calco_vmtest::{Key, Machine, Screen, TerminalKind};
use std::time::Duration;

/// One byte takes ten bits on the line.
const BYTE_AT_9600_BAUD: Duration = Duration::from_micros(1042);

fn selected(screen: &Screen) -> Option<usize> {
    choices(screen).iter().position(|choice| choice.selected)
}

#[test]
fn arrows_and_escape_arrive_at_9600_baud() {
    let Some(built) = BuiltSystem::find("keys-9600") else { return };
    let texts = Texts::english();
    let mut guest = at_the_menu(&built, Machine::new("keys-9600"), &texts);
    guest.keep_screen("menu");
    for pace in [BYTE_AT_9600_BAUD, 20 * BYTE_AT_9600_BAUD] {
        guest.set_pace(pace);
        for expected in (1..6).chain((0..5).rev()) {
            let down = selected(&guest.screen()).is_some_and(|now| now < expected);
            guest.press(if down { Key::Down } else { Key::Up });
            let what = format!("cursor on choice {expected}");
            guest.wait_until(&what, SOON, |screen| selected(screen) == Some(expected));
        }
        let mut menu = Menu { guest: &mut guest, texts: &texts };
        // No arrow is taken for Escape, which would lead back from here.
        menu.choose("menu-language");
        menu.guest.wait_for("Language / Idioma", SOON);
        for key in [Key::Down, Key::Up, Key::Down, Key::Up] {
            menu.guest.press(key);
            let expected = usize::from(key == Key::Down);
            menu.guest.wait_until("moved cursor", SOON, |screen| {
                selected(screen) == Some(expected) && screen.says("Español")
            });
        }
        menu.guest.press(Key::Escape);
        menu.see("menu-welcome");
        // In the main menu Escape does nothing at all.
        for _ in 0..3 {
            menu.guest.press(Key::Escape);
        }
        menu.guest.press(Key::Home);
        menu.guest.wait_until("cursor on the first choice", SOON, |screen| {
            selected(screen) == Some(0) && screen.says(texts.get("menu-welcome"))
        });
    }
}

#[test]
fn a_dumb_terminal_gets_lines_and_numbers() {
    let Some(built) = BuiltSystem::find("keys-dumb") else { return };
    let texts = Texts::english();
    let machine = Machine::new("keys-dumb").terminal(TerminalKind::Dumb);
    let mut guest = at_the_menu(&built, machine, &texts);
    let mut menu = Menu { guest: &mut guest, texts: &texts };
    enter_shell(&mut menu);
    let begin = guest.output().len();
    shell_command(&mut guest, "TERM=dumb CALCO_LANG=en calco menu", texts.get("menu-number"));
    guest.keep_screen("menu");
    // "Show the disks" is the fourth; there are none.
    guest.type_text("4\r");
    guest.wait_for_output(texts.get("menu-no-disks"), SOON);
    guest.wait_for_output(texts.get("menu-number-back"), SOON);
    guest.type_text("0\r");
    guest.wait_for_output(texts.get("menu-number"), SOON);
    guest.keep_screen("menu-again");
    let output = guest.output();
    let lines = &output[begin..];
    assert!(!lines.contains('\u{1b}'), "{lines:?}");
    assert!(lines.is_ascii(), "{lines:?}");
    for line in lines.lines() {
        assert!(line.trim_end().len() <= 80, "{line:?}");
    }
}
