//! The sentences of the program, by their ids, so that a test fails when a sentence is not shown
//! and not when it is worded differently.

use crate::Screen;
use crate::project_folder;
use std::collections::HashMap;

/// The texts of one language.
pub struct Texts(HashMap<String, String>);

impl Texts {
    /// In English.
    pub fn english() -> Self {
        Self::read("en")
    }

    /// In Spanish.
    pub fn spanish() -> Self {
        Self::read("es")
    }

    fn read(language: &str) -> Self {
        let mut texts = HashMap::new();
        let folder = project_folder().join("src/text").join(language);
        for entry in std::fs::read_dir(folder).unwrap() {
            let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
            texts.extend(parse(&text));
        }
        Self(texts)
    }

    /// What of a text is always the same: the parts around what is filled in.
    #[track_caller]
    fn parts(&self, id: &str) -> Vec<&str> {
        let text = self.0.get(id).unwrap_or_else(|| panic!("there is no text {id}"));
        text.split(['{', '}']).step_by(2).map(str::trim).collect()
    }

    /// The longest part of a text that has nothing to be filled in.
    #[track_caller]
    pub fn get(&self, id: &str) -> &str {
        self.parts(id).into_iter().max_by_key(|part| part.len()).unwrap_or_default()
    }

    /// The word that stands at the end of a text which ends with something to be filled in.
    #[track_caller]
    pub fn last_word(&self, id: &str, screen: &Screen) -> Option<String> {
        let shown = screen.text().split_whitespace().collect::<Vec<_>>().join(" ");
        let mut rest = shown.as_str();
        for part in self.parts(id) {
            rest = rest.split_once(part)?.1;
        }
        rest.split_whitespace().next().map(str::to_owned)
    }
}

/// Texts of one line each, of a Fluent file; of longer ones the first line.
fn parse(file: &str) -> impl Iterator<Item = (String, String)> {
    file.lines()
        .filter(|line| line.starts_with(|first: char| first.is_ascii_alphabetic()))
        .filter_map(|line| line.split_once('='))
        .map(|(id, text)| (id.trim().to_owned(), text.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::terminal::new_model;

    fn texts() -> Texts {
        let file =
            "# comment\na = plain\nb = To overwrite { $target }, type { $word }\nc =\n   x\n";
        Texts(parse(file).collect())
    }

    #[test]
    fn what_is_filled_in_is_left_out() {
        assert_eq!(texts().get("a"), "plain");
        assert_eq!(texts().get("b"), "To overwrite");
    }

    #[test]
    fn what_is_filled_in_can_be_read() {
        let mut model = new_model();
        model.process(b"To overwrite sdb (Disk,\r\n1 TB), type\r\nSN42\r\n\r\n> ");
        let screen = Screen::of(model.screen());
        assert_eq!(texts().last_word("b", &screen).as_deref(), Some("SN42"));
        assert_eq!(texts().last_word("a", &screen), None);
    }

    #[test]
    fn both_languages_are_there() {
        assert_ne!(
            Texts::english().get("ui-restore-done"),
            Texts::spanish().get("ui-restore-done")
        );
    }
}
