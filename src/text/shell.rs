//! Text that terminals and shells take as it is.

/// The text without characters that command a terminal: labels, models and names in images come
/// from elsewhere, and what they say must not change what else is shown.
pub fn harmless(text: &str) -> String {
    text.replace(|c: char| c.is_control() && c != '\n' && c != '\t', "?")
}

/// The word as a shell takes it.
pub fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:,=@+~%".contains(c);
    // Some shells put a home in the place of a tilde.
    if !word.is_empty() && !word.starts_with('~') && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn a_shell_takes_words_as_they_are() {
        for word in ["lab", "a b", "$(touch x)", "it's", "~x.img", "", "a\nb", "x~1", "«ñ»", "*"]
        {
            let output = std::process::Command::new("sh")
                .args(["-c", &format!("printf %s {}", quoted(word))])
                .output()
                .unwrap();
            assert_eq!(String::from_utf8(output.stdout).unwrap(), word);
        }
        assert_eq!(quoted("usb:BACKUP/lab~1"), "usb:BACKUP/lab~1");
    }
}
