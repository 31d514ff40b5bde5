//! The text in which LVM2 describes a volume group: sections, numbers, strings, lists.
//!
//! Source: lvm.conf(5), "SYNTAX", which is the same grammar.

/// Sections inside sections that are followed: LVM2 itself needs four.
const MAXIMUM_DEPTH: u32 = 8;
/// Values in one text: more than a volume group of ten thousand logical volumes needs.
const MAXIMUM_VALUES: u32 = 1 << 19;

/// A value.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Value {
    Text(String),
    Number(u64),
    /// A negative or broken number, of which nothing is needed.
    Other,
    List(Vec<Value>),
    Section(Section),
}

/// Names with their values, in the order of the text.
#[derive(Clone, PartialEq, Default, Debug)]
pub(super) struct Section(pub(super) Vec<(String, Value)>);

impl Section {
    fn get(&self, name: &str) -> Option<&Value> {
        self.0.iter().find(|(other, _)| other == name).map(|(_, value)| value)
    }

    pub(super) fn number(&self, name: &str) -> Option<u64> {
        if let Value::Number(number) = self.get(name)? { Some(*number) } else { None }
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        if let Value::Text(text) = self.get(name)? { Some(text) } else { None }
    }

    pub(super) fn list(&self, name: &str) -> Option<&[Value]> {
        if let Value::List(list) = self.get(name)? { Some(list) } else { None }
    }

    pub(super) fn section(&self, name: &str) -> Option<&Self> {
        if let Value::Section(section) = self.get(name)? { Some(section) } else { None }
    }

    pub(super) fn sections(&self) -> impl Iterator<Item = (&str, &Self)> {
        self.0.iter().filter_map(|(name, value)| match value {
            Value::Section(section) => Some((name.as_str(), section)),
            _ => None,
        })
    }

    /// Whether a list of words, such as `status`, has this one.
    pub(super) fn words(&self, name: &str) -> Vec<&str> {
        let list = self.list(name).unwrap_or_default();
        list.iter()
            .filter_map(|value| if let Value::Text(text) = value { Some(&**text) } else { None })
            .collect()
    }

    /// Every string in it, at any depth.
    pub(super) fn strings<'a>(&'a self, found: &mut Vec<&'a str>) {
        for (_, value) in &self.0 {
            strings(value, found);
        }
    }
}

/// The depth is that of the parser.
fn strings<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
    match value {
        Value::Text(text) => found.push(text),
        Value::List(list) => list.iter().for_each(|value| strings(value, found)),
        Value::Section(section) => section.strings(found),
        Value::Number(_) | Value::Other => {}
    }
}

/// The whole text; `None` where it does not follow the grammar or is larger than makes sense.
pub(super) fn parse(text: &[u8]) -> Option<Section> {
    let mut parser = Parser { rest: text, values: 0 };
    let section = parser.section(0)?;
    parser.blank();
    parser.rest.is_empty().then_some(section)
}

struct Parser<'a> {
    rest: &'a [u8],
    values: u32,
}

impl<'a> Parser<'a> {
    /// Passes blanks, comments, and the NUL at the end.
    fn blank(&mut self) {
        while let Some(byte) = self.rest.first() {
            match byte {
                b'#' => self.take_while(|byte| byte != b'\n'),
                0 | b' ' | b'\t' | b'\r' | b'\n' => {
                    self.take_while(|byte| matches!(byte, 0 | b' ' | b'\t' | b'\r' | b'\n'))
                }
                _ => return,
            };
        }
    }

    fn take_while(&mut self, wanted: impl Fn(u8) -> bool) -> &'a [u8] {
        let length = self.rest.iter().position(|byte| !wanted(*byte)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(length);
        self.rest = rest;
        taken
    }

    fn eat(&mut self, byte: u8) -> bool {
        self.blank();
        let is_there = self.rest.first() == Some(&byte);
        if is_there {
            self.rest = &self.rest[1..];
        }
        is_there
    }

    fn count(&mut self) -> Option<()> {
        self.values += 1;
        (self.values <= MAXIMUM_VALUES).then_some(())
    }

    fn section(&mut self, depth: u32) -> Option<Section> {
        let mut section = Section::default();
        loop {
            self.blank();
            if self.rest.first().is_none_or(|byte| *byte == b'}') {
                return Some(section);
            }
            self.count()?;
            let name = self.take_while(|byte| {
                byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'+' | b'/')
            });
            if name.is_empty() {
                return None;
            }
            let name = String::from_utf8_lossy(name).into_owned();
            // A name that is there twice has two meanings.
            let value = if self.eat(b'=') {
                self.value(depth)?
            } else if self.eat(b'{') && depth < MAXIMUM_DEPTH {
                let inner = self.section(depth + 1)?;
                if !self.eat(b'}') {
                    return None;
                }
                Value::Section(inner)
            } else {
                return None;
            };
            section.0.push((name, value));
        }
    }

    fn value(&mut self, depth: u32) -> Option<Value> {
        self.count()?;
        if self.eat(b'[') {
            let mut list = Vec::new();
            if depth >= MAXIMUM_DEPTH {
                return None;
            }
            loop {
                if self.eat(b']') {
                    return Some(Value::List(list));
                }
                list.push(self.value(depth + 1)?);
                self.eat(b',');
            }
        }
        match self.rest.first()? {
            b'"' => self.string().map(Value::Text),
            byte if byte.is_ascii_digit() || *byte == b'-' => {
                let number = self.take_while(|byte| {
                    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'+')
                });
                let number = std::str::from_utf8(number).ok()?.parse();
                Some(number.map_or(Value::Other, Value::Number))
            }
            _ => None,
        }
    }

    fn string(&mut self) -> Option<String> {
        let mut bytes = Vec::new();
        let mut position = 1;
        loop {
            match *self.rest.get(position)? {
                b'"' => break,
                b'\\' => {
                    bytes.push(*self.rest.get(position + 1)?);
                    position += 2;
                }
                byte => {
                    bytes.push(byte);
                    position += 1;
                }
            }
        }
        self.rest = &self.rest[position + 1..];
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_numbers_strings_and_lists() {
        let text = b"# comment\nvg {\n id = \"a\\\"b\" # c\n n=12\n s = [\"x\", 0, \"y\"]\n e=[]\n\
            m = -1\n f = 1.5\n inner {\n k = 1\n}\n}\nversion = 1\n\0";
        let section = parse(text).unwrap();
        assert_eq!(section.number("version"), Some(1));
        let group = section.section("vg").unwrap();
        assert_eq!(group.text("id"), Some("a\"b"));
        assert_eq!(group.number("n"), Some(12));
        assert_eq!(group.words("s"), ["x", "y"]);
        assert_eq!(group.list("e"), Some(&[][..]));
        assert_eq!(group.number("m"), None);
        assert_eq!(group.section("inner").unwrap().number("k"), Some(1));
    }

    #[test]
    fn what_does_not_follow_the_grammar_is_refused() {
        for text in ["a {", "a }", "a = ", "a = \"x", "= 1", "a = [1", "a = [1, }", "a b"] {
            assert_eq!(parse(text.as_bytes()), None, "{text}");
        }
        assert_eq!(parse("a {".repeat(100_000).as_bytes()), None);
        assert_eq!(parse(format!("a = {}", "[".repeat(100_000)).as_bytes()), None);
        assert_eq!(parse("a=1 ".repeat(600_000).as_bytes()), None);
    }
}
