//! What a person sees on a terminal.

use std::fmt;

/// A terminal's contents at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Screen {
    lines: Vec<String>,
    /// For each line, what of it is shown in reverse.
    reversed: Vec<String>,
    /// Row and column of the cursor, from 0.
    cursor: (usize, usize),
    cursor_hidden: bool,
}

impl Screen {
    /// The contents of a terminal model.
    pub(crate) fn of(model: &vt100::Screen) -> Self {
        let (rows, columns) = model.size();
        let reversed = (0..rows.get())
            .map(|row| {
                (0..columns.get())
                    .filter_map(|column| model.cell(row, column))
                    .filter(|cell| cell.inverse())
                    .map(|cell| if cell.has_contents() { cell.contents() } else { " " })
                    .collect::<String>()
                    .trim()
                    .to_owned()
            })
            .collect();
        let (row, column) = model.cursor_position();
        Self {
            lines: model.rows(0, columns.get()).map(|line| line.trim_end().to_owned()).collect(),
            reversed,
            cursor: (row.into(), column.into()),
            cursor_hidden: model.hide_cursor(),
        }
    }

    /// The lines from top to bottom, without spaces at their ends.
    pub fn lines(&self) -> &[String] {
        &self.lines
    }

    /// All lines as one text.
    pub fn text(&self) -> String {
        self.lines.join("\n").trim_end().to_owned()
    }

    /// Whether these words are there one after the other, wherever lines are broken between them.
    pub fn says(&self, words: &str) -> bool {
        in_one_line(&self.text()).contains(&in_one_line(words))
    }

    /// The first line that contains this text.
    pub fn line_with(&self, text: &str) -> Option<&str> {
        self.lines.iter().map(String::as_str).find(|line| line.contains(text))
    }

    /// What is shown in reverse, line by line: the choice that Enter would take.
    pub fn reversed(&self) -> Vec<&str> {
        self.reversed.iter().map(String::as_str).filter(|text| !text.is_empty()).collect()
    }

    /// Row and column of the cursor, counted from 0.
    pub fn cursor(&self) -> (usize, usize) {
        self.cursor
    }
}

/// The words with one space between them.
fn in_one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Drawn with a frame, as it is shown when a test fails.
impl fmt::Display for Screen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.lines.iter().map(|line| line.chars().count()).max().unwrap_or(0).max(40);
        let edge = "-".repeat(width);
        writeln!(f, "+{edge}+")?;
        for line in &self.lines {
            writeln!(f, "|{line:width$}|")?;
        }
        write!(f, "+{edge}+ cursor at row {}, column {}", self.cursor.0, self.cursor.1)?;
        if self.cursor_hidden {
            write!(f, ", hidden")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::terminal::new_model;

    fn screen_of(bytes: &[u8]) -> Screen {
        let mut model = new_model();
        model.process(bytes);
        Screen::of(model.screen())
    }

    #[test]
    fn a_screen_is_what_is_left_after_clearing_and_moving() {
        let screen = screen_of(b"old\x1b[2J\x1b[H\x1b[3;5Hnew text   ");
        assert_eq!(screen.lines().len(), 24);
        assert_eq!(screen.lines()[2], "    new text");
        assert_eq!(screen.text().trim(), "new text");
        assert_eq!(screen.cursor(), (2, 15));
        assert!(!screen.says("old"));
    }

    #[test]
    fn words_are_found_across_broken_lines() {
        let long = format!("{}all data on it", "x".repeat(70));
        let screen = screen_of(format!("{long} will be\r\n  erased\r\n").as_bytes());
        assert!(screen.says("will be erased"));
        assert!(!screen.says("will be kept"));
    }

    #[test]
    fn the_choice_is_what_is_reversed() {
        let screen = screen_of(b"  Save\r\n\x1b[7m> Restore \x1b[0m\r\n  Tools");
        assert_eq!(screen.reversed(), ["> Restore"]);
        assert_eq!(screen.line_with("Tools"), Some("  Tools"));
    }

    #[test]
    fn accents_and_frames_take_one_column() {
        let screen = screen_of("│ Diálogo ñ │".as_bytes());
        assert_eq!(screen.lines()[0], "│ Diálogo ñ │");
        assert_eq!(screen.cursor(), (0, 13));
    }

    #[test]
    fn a_drawn_screen_has_a_frame_and_the_cursor() {
        let drawn = screen_of(b"hello").to_string();
        assert!(drawn.starts_with("+----"), "{drawn}");
        assert!(drawn.contains("|hello "), "{drawn}");
        assert!(drawn.ends_with("cursor at row 0, column 5"), "{drawn}");
    }
}
