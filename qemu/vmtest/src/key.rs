//! Keys of a keyboard, and what each terminal sends for them.

/// A key that is not a character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    Enter,
    Escape,
    Tab,
    Backspace,
    Up,
    Down,
    Left,
    Right,
    Home,
    End,
    PageUp,
    PageDown,
    Delete,
    /// F1 to F4.
    Function(u8),
    /// Control and a letter.
    Control(char),
}

impl Key {
    /// The bytes that a VT100 sends, and xterm for keys that a VT100 does not have.
    pub(crate) fn bytes(self) -> Vec<u8> {
        let text: &[u8] = match self {
            Self::Enter => b"\r",
            Self::Escape => b"\x1b",
            Self::Tab => b"\t",
            Self::Backspace => b"\x7f",
            Self::Up => b"\x1b[A",
            Self::Down => b"\x1b[B",
            Self::Right => b"\x1b[C",
            Self::Left => b"\x1b[D",
            Self::Home => b"\x1b[H",
            Self::End => b"\x1b[F",
            Self::PageUp => b"\x1b[5~",
            Self::PageDown => b"\x1b[6~",
            Self::Delete => b"\x1b[3~",
            Self::Function(number) => return vec![0x1b, b'O', b'P' + number.clamp(1, 4) - 1],
            Self::Control(letter) => return vec![letter.to_ascii_uppercase() as u8 & 0x1f],
        };
        text.to_vec()
    }

    /// The keys to hold together on a PC keyboard, by their QEMU names.
    pub(crate) fn codes(self) -> Vec<String> {
        let name = match self {
            Self::Enter => "ret",
            Self::Escape => "esc",
            Self::Tab => "tab",
            Self::Backspace => "backspace",
            Self::Up => "up",
            Self::Down => "down",
            Self::Left => "left",
            Self::Right => "right",
            Self::Home => "home",
            Self::End => "end",
            Self::PageUp => "pgup",
            Self::PageDown => "pgdn",
            Self::Delete => "delete",
            Self::Function(number) => return vec![format!("f{number}")],
            Self::Control(letter) => {
                return vec!["ctrl".to_owned(), letter.to_ascii_lowercase().to_string()];
            }
        };
        vec![name.to_owned()]
    }
}

/// The keys that give this character on a PC keyboard with the US layout, by their QEMU names.
pub(crate) fn codes_of_char(character: char) -> Option<Vec<String>> {
    let plain = |name: &str| Some(vec![name.to_owned()]);
    let shifted = |name: &str| Some(vec!["shift".to_owned(), name.to_owned()]);
    match character {
        'a'..='z' | '0'..='9' => plain(&character.to_string()),
        'A'..='Z' => shifted(&character.to_ascii_lowercase().to_string()),
        ' ' => plain("spc"),
        '\n' | '\r' => plain("ret"),
        '-' => plain("minus"),
        '=' => plain("equal"),
        '.' => plain("dot"),
        ',' => plain("comma"),
        '/' => plain("slash"),
        ';' => plain("semicolon"),
        '\'' => plain("apostrophe"),
        '\\' => plain("backslash"),
        '_' => shifted("minus"),
        '+' => shifted("equal"),
        ':' => shifted("semicolon"),
        '"' => shifted("apostrophe"),
        '?' => shifted("slash"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_the_bytes_of_a_vt100() {
        assert_eq!(Key::Down.bytes(), b"\x1b[B");
        assert_eq!(Key::Function(1).bytes(), b"\x1bOP");
        assert_eq!(Key::Control('c').bytes(), [3]);
        assert_eq!(Key::Control('c').codes(), ["ctrl", "c"]);
    }

    #[test]
    fn characters_are_keys_of_a_keyboard() {
        assert_eq!(codes_of_char('a').unwrap(), ["a"]);
        assert_eq!(codes_of_char('A').unwrap(), ["shift", "a"]);
        assert_eq!(codes_of_char('_').unwrap(), ["shift", "minus"]);
        assert!(codes_of_char('ñ').is_none());
    }
}
