//! The menu of the live system on a serial terminal, as a person goes through it.

use super::texts::Texts;
use crate::{Guest, Key, Screen};
use std::time::Duration;

/// How long the menu may take to show what a key brings.
const SOON: Duration = Duration::from_secs(60);
/// How long a look at the disks may take.
const LOOK: Duration = Duration::from_secs(180);
/// How long the cursor may take to move.
const MOVE: Duration = Duration::from_secs(20);
/// How often a choice is looked for anew.
const TRIES: usize = 5;
/// No list is longer.
const MOST_CHOICES: usize = 40;
/// How long a small job may take.
const SMALL_JOB: Duration = Duration::from_secs(600);
/// How long the job with a real system may take.
const LARGE_JOB: Duration = Duration::from_secs(2400);

/// Something to choose, as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MenuChoice {
    /// All its lines in one.
    pub text: String,
    /// The first of them.
    pub label: String,
    /// The digit that leads to it.
    pub digit: Option<char>,
    /// Whether Enter would take it.
    pub selected: bool,
}

impl MenuChoice {
    /// Whether it shows this. Choices after the ninth have no digit and look like more of the ninth.
    fn shows(&self, what: &str) -> bool {
        self.label.contains(what) || (self.digit != Some('9') && self.text.contains(what))
    }
}

/// The choices that a screen shows.
pub fn choices(screen: &Screen) -> Vec<MenuChoice> {
    let mut choices: Vec<MenuChoice> = Vec::new();
    for line in screen.lines() {
        let head: Vec<char> = line.chars().take(5).collect();
        let (selected, digit) = match head[..] {
            ['>', ' ', digit, ' ', text] if text != ' ' => (true, digit),
            [' ', ' ', digit @ '1'..='9', ' ', text] if text != ' ' => (false, digit),
            // More of the choice before; an empty line ends all.
            [' ', ' ', ' ', ' ', _] => {
                if let Some(last) = choices.last_mut() {
                    last.text = format!("{} {}", last.text, line.trim());
                }
                continue;
            }
            _ => continue,
        };
        let text = line.chars().skip(4).collect::<String>().trim().to_owned();
        let digit = Some(digit).filter(char::is_ascii_digit);
        choices.push(MenuChoice { label: text.clone(), text, digit, selected });
    }
    choices
}

/// The choice that Enter would take. None while the screen is being drawn: then two are marked, or none.
fn selected(screen: &Screen) -> Option<MenuChoice> {
    let mut marked = choices(screen).into_iter().filter(|choice| choice.selected);
    let only = marked.next();
    if marked.next().is_none() { only } else { None }
}

/// Whether the choice that Enter would take has this in its text.
fn is_selected(screen: &Screen, what: &str) -> bool {
    selected(screen).is_some_and(|choice| choice.shows(what))
}

/// A menu on the serial terminal of a guest.
pub struct Menu<'a> {
    pub guest: &'a mut Guest,
    pub texts: &'a Texts,
}

impl Menu<'_> {
    /// Waits until a text of the program is shown, by its id.
    #[track_caller]
    pub fn see(&mut self, id: &str) -> Screen {
        let text = self.texts.get(id).to_owned();
        self.guest.wait_for(&text, SOON)
    }

    /// Waits longer than [`Menu::see`].
    #[track_caller]
    pub fn see_within(&mut self, id: &str, within: Duration) -> Screen {
        let text = self.texts.get(id).to_owned();
        self.guest.wait_for(&text, within)
    }

    /// Chooses what has this text of the program, by its id.
    #[track_caller]
    pub fn choose(&mut self, id: &str) {
        let text = self.texts.get(id).to_owned();
        self.choose_text(&text, SOON);
    }

    /// Chooses what shows this, waiting until it is there.
    #[track_caller]
    pub fn choose_text(&mut self, what: &str, within: Duration) {
        self.select(what, within);
        let before = self.guest.settled().to_string();
        self.guest.press(Key::Enter);
        // The next screen is not this one, though its first choice may have the same words.
        self.guest.wait_until(&format!("screen after {what:?}"), within, |screen| {
            screen.to_string() != before
        });
    }

    /// Moves to the choice that shows this, waiting until it is there.
    #[track_caller]
    pub fn select(&mut self, what: &str, within: Duration) {
        for _ in 0..TRIES {
            self.guest.wait_until(&format!("choice {what:?}"), within, |screen| {
                let choices = choices(screen);
                choices.iter().any(|choice| choice.shows(what))
                    || choices.iter().filter(|choice| choice.digit.is_some()).count() == 9
            });
            // What is seen of a screen that is being drawn can belong to the one before.
            let screen = self.guest.settled();
            let found = choices(&screen).into_iter().find(|choice| choice.shows(what));
            match found.and_then(|choice| choice.digit) {
                Some(digit) => self.guest.type_text(&digit.to_string()),
                // A list longer than its digits is gone through from the other end.
                None if self.move_up_to(what) => {}
                None => continue,
            }
            if self.guest.sees(MOVE, |screen| is_selected(screen, what)) {
                return;
            }
        }
        panic!("{what:?} cannot be selected\n{}", self.guest.screen());
    }

    /// Moves the cursor up until it is there.
    fn move_up_to(&mut self, what: &str) -> bool {
        for _ in 0..MOST_CHOICES {
            let screen = self.guest.settled();
            if is_selected(&screen, what) {
                return true;
            }
            let before = selected(&screen);
            self.guest.press(Key::Up);
            self.guest.sees(MOVE, |now| selected(now).is_some_and(|now| Some(now) != before));
        }
        false
    }

    /// From the main menu to the question where to save the disk whose line shows `disk`.
    #[track_caller]
    pub fn choose_source(&mut self, disk: &str) {
        self.choose("menu-save");
        self.see("menu-save-disks");
        self.guest.keep_screen("save-disks");
        self.choose_text(disk, LOOK);
        self.see("menu-save-place");
    }

    /// From the main menu through a save of the disk whose line shows `disk`, to the destination whose
    /// line shows `place`, under a name of its own. Ends when the job has begun.
    #[track_caller]
    pub fn begin_save(&mut self, disk: &str, place: &str, name: &str) {
        self.choose_source(disk);
        self.choose_text(place, LOOK);
        // In no folder of it, which is what comes first.
        self.see_within("menu-place-which", LOOK);
        self.guest.keep_screen("save-folder");
        self.guest.press(Key::Enter);
        self.name_and_start(name);
    }

    /// From the question for the name of an image to the job.
    #[track_caller]
    pub fn name_and_start(&mut self, name: &str) {
        self.see_within("menu-save-name-text", LOOK);
        self.replace_line(name);
        self.guest.press(Key::Enter);
        self.see("menu-outside-text");
        self.choose("menu-outside-no");
        self.see_within("menu-save-plan", LOOK);
        self.guest.keep_screen("save-plan");
        self.choose("menu-save-start");
    }

    /// A whole save.
    #[track_caller]
    pub fn save(&mut self, disk: &str, place: &str, name: &str) {
        self.begin_save(disk, place, name);
        self.see_within("menu-saved", LARGE_JOB);
        self.guest.keep_screen("saved");
        self.leave_summary();
    }

    /// Types the address of a folder on a server that asks nothing more, where a place is chosen.
    #[track_caller]
    fn type_server(&mut self, address: &str) {
        self.choose("menu-place-server");
        self.see("menu-server-prompt");
        self.replace_line(address);
        self.guest.keep_screen("server");
        self.guest.press(Key::Enter);
    }

    /// A whole save to a server.
    #[track_caller]
    pub fn save_to_server(&mut self, disk: &str, address: &str, name: &str) {
        self.choose_source(disk);
        self.type_server(address);
        self.name_and_start(name);
        self.see_within("menu-saved", LARGE_JOB);
        self.guest.keep_screen("saved");
        self.leave_summary();
    }

    /// A whole restore, from the main menu and back to it.
    #[track_caller]
    pub fn restore(&mut self, place: &str, name: &str, disk: &str) {
        self.choose("menu-restore");
        self.see("menu-restore-place");
        self.choose_text(place, LOOK);
        self.restore_image(name, disk);
    }

    /// The same from a server.
    #[track_caller]
    pub fn restore_from_server(&mut self, address: &str, name: &str, disk: &str) {
        self.choose("menu-restore");
        self.see("menu-restore-place");
        self.type_server(address);
        self.restore_image(name, disk);
    }

    #[track_caller]
    fn restore_image(&mut self, name: &str, disk: &str) {
        self.see_within("menu-restore-image", LOOK);
        self.choose_text(name, LOOK);
        self.see("menu-restore-target");
        self.choose_text(disk, LOOK);
        self.see_within("menu-restore-plan", LOOK);
        self.guest.keep_screen("restore-plan");
        self.choose("menu-restore-start");
        self.see("menu-restore-confirm");
        self.guest.keep_screen("restore-confirm");
        // The title stands there before the question does.
        let screen = self.guest.settled();
        let word = self.texts.last_word("ui-restore-confirm", &screen);
        let Some(word) = word else { panic!("it does not say what to type\n{screen}") };
        self.guest.type_text(&word);
        self.guest.press(Key::Enter);
        self.see_within("menu-restored", LARGE_JOB);
        self.guest.keep_screen("restored");
        self.leave_summary();
    }

    /// Leaves a summary for the main menu.
    #[track_caller]
    pub fn leave_summary(&mut self) {
        self.choose("menu-back-to-menu");
        self.see("menu-welcome");
    }

    /// Types over what stands on an input line.
    #[track_caller]
    pub fn replace_line(&mut self, text: &str) {
        self.guest.press(Key::End);
        for _ in 0..80 {
            self.guest.type_text("\x7f");
        }
        self.guest.type_text(text);
        self.guest.wait_for(text, SOON);
    }

    /// Switches the computer off.
    #[track_caller]
    pub fn power_off(&mut self) {
        self.choose("menu-power-off");
        self.choose("menu-power-off-yes");
        let reason = self.guest.wait_for_end(SMALL_JOB);
        assert_eq!(reason, "guest-shutdown");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::terminal::new_model;

    #[test]
    fn choices_are_read_with_their_details() {
        let mut model = new_model();
        model.process(
            "Save: which disk?\r\n──────\r\nChoose the disk. 3 are here.\r\n\r\n  1 QEMU HARDDISK, 1.1 GB,\r\n    \
             serial number A\r\n    Debian 12\r\n\x1b[7m> 2 [ ] Stick, 1 GB\x1b[0m\r\n  \
             3 Other\r\n\r\nUp/Down: move"
                .as_bytes(),
        );
        let found = choices(&Screen::of(model.screen()));
        assert_eq!(found.len(), 3, "{found:?}");
        assert_eq!(found[0].text, "QEMU HARDDISK, 1.1 GB, serial number A Debian 12");
        assert_eq!(found[0].digit, Some('1'));
        assert!(found[1].selected && !found[0].selected);
        assert_eq!(found[2].text, "Other");
    }

    #[test]
    fn a_choice_without_a_digit_is_not_taken_for_the_ninth() {
        let mut model = new_model();
        model.process(b"> 8 Logs\r\n  9 Expert mode: off\r\n    Rescue shell\r\n");
        let found = choices(&Screen::of(model.screen()));
        assert!(found[1].shows("Expert") && !found[1].shows("Rescue"), "{found:?}");
    }
}
