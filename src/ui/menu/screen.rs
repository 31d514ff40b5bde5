//! Screens as pure functions: what is shown of a state, and what a key makes of it.

use super::keys::Key;
use super::terminal::{Frame, Line, Style, View};
use crate::text::{Message, message};
use console::{measure_text_width, truncate_str};
use std::collections::BTreeSet;

/// Breaks text into lines of at most `columns`, between words where that is possible. Line breaks
/// in it stay.
pub fn wrap(text: &str, columns: usize) -> Vec<String> {
    let columns = columns.max(8);
    let mut lines = Vec::new();
    for paragraph in text.trim_end_matches('\n').split('\n') {
        // What fits stays as it is: drawings have spaces of their own.
        if measure_text_width(paragraph) <= columns {
            lines.push(paragraph.to_owned());
            continue;
        }
        let indent: String =
            paragraph.chars().take_while(|c| *c == ' ').take(columns / 4).collect();
        let mut line = indent.clone();
        let mut empty = true;
        for word in paragraph.split_whitespace() {
            let mut word = word.to_owned();
            if !empty && measure_text_width(&line) + 1 + measure_text_width(&word) > columns {
                lines.push(std::mem::replace(&mut line, indent.clone()));
                empty = true;
            }
            if !empty {
                line.push(' ');
            }
            while measure_text_width(&line) + measure_text_width(&word) > columns {
                let room = columns - measure_text_width(&line);
                let head = truncate_str(&word, room, "").into_owned();
                // A character wider than the room: cannot be for 8 columns and a quarter indent.
                if head.is_empty() {
                    break;
                }
                word = word.split_off(head.len());
                lines.push(format!("{line}{head}"));
                line.clone_from(&indent);
            }
            line += &word;
            empty = false;
        }
        lines.push(line);
    }
    lines
}

/// The text in at most `columns`, with a mark where something was cut off.
pub(super) fn shortened(text: &str, columns: usize) -> String {
    truncate_str(text, columns, "…").into_owned()
}

/// One thing that can be chosen.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Choice<T> {
    /// What it stands for.
    pub(super) value: T,
    /// What it is called.
    pub(super) label: String,
    /// Lines below its name.
    pub(super) details: Vec<String>,
    /// What should worry the person about it.
    pub(super) warning: Option<String>,
    /// Why it cannot be chosen.
    pub(super) blocked: Option<String>,
}

impl<T> Choice<T> {
    pub(super) fn new(value: T, label: impl ToString) -> Self {
        Self { value, label: label.to_string(), details: Vec::new(), warning: None, blocked: None }
    }

    pub(super) fn detail(mut self, line: impl ToString) -> Self {
        self.details.push(line.to_string());
        self
    }
}

/// A screen with text and things to choose from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct List<T> {
    pub(super) title: String,
    /// Paragraphs above the choices.
    pub(super) text: Vec<Line>,
    pub(super) choices: Vec<Choice<T>>,
    /// Whether several may be marked.
    pub(super) many: bool,
    /// Whether Escape leads back from here.
    pub(super) back: bool,
    /// Whether what belongs first is still being looked for: who has pressed no key yet is taken to it.
    pub(super) settling: bool,
}

impl<T> List<T> {
    pub(super) fn new(title: impl ToString, choices: Vec<Choice<T>>) -> Self {
        Self {
            title: title.to_string(),
            text: Vec::new(),
            choices,
            many: false,
            back: true,
            settling: false,
        }
    }

    /// The first that can be chosen.
    pub(super) fn first(&self) -> Option<usize> {
        self.choices.iter().position(|choice| choice.blocked.is_none())
    }

    /// Adds a paragraph above the choices.
    pub(super) fn text(mut self, paragraph: impl ToString) -> Self {
        self.text.push(Line::plain(paragraph.to_string()));
        self
    }

    /// Adds a paragraph that must not be passed over.
    pub(super) fn warning(mut self, paragraph: impl ToString) -> Self {
        self.text.push(Line::styled(paragraph.to_string(), Style::Warning));
        self
    }
}

/// Where the person is in a list.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Position {
    /// The choice that Enter would take.
    pub(super) cursor: usize,
    /// The marked ones.
    pub(super) marked: BTreeSet<usize>,
    /// First line of the choices that is shown.
    top: usize,
    /// First line of the text that is shown.
    text_top: usize,
    /// Lines of the text that can be shown, and whether there are more.
    text_page: usize,
    text_overflows: bool,
    choices_page: usize,
}

/// What a key came to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Reaction {
    /// The screen stays.
    Stay,
    /// These were chosen.
    Chosen(Vec<usize>),
    /// One screen back.
    Back,
}

/// Title, rule, and the row of keys at the bottom with an empty row above.
const FRAME_ROWS: usize = 4;
/// Rows for the choices from which on two of them may say that there are more.
const LEAST_WITH_MARKS: usize = 5;

impl<T> List<T> {
    fn text_lines(&self, columns: usize) -> Vec<Line> {
        let mut lines = Vec::new();
        for paragraph in &self.text {
            let wrapped = wrap(&paragraph.text, columns);
            lines.extend(wrapped.into_iter().map(|text| Line::styled(text, paragraph.style)));
        }
        lines
    }

    /// The lines of one choice. `number` is how it can be named.
    fn choice_lines(&self, index: usize, position: &Position, columns: usize) -> Vec<Line> {
        let choice = &self.choices[index];
        let here = position.cursor == index;
        let mark = match (self.many, position.marked.contains(&index)) {
            (true, true) => "[x] ",
            (true, false) => "[ ] ",
            (false, _) => "",
        };
        let number = match index {
            0..9 => format!("{}", index + 1),
            _ => " ".to_owned(),
        };
        let arrow = if here { '>' } else { ' ' };
        let head = format!("{arrow} {number} {mark}");
        let indent = " ".repeat(measure_text_width(&head));
        let room = columns.saturating_sub(indent.len()).max(8);
        let style = if here { Style::Selected } else { Style::Plain };
        let mut lines: Vec<Line> = Vec::new();
        for (number, text) in wrap(&choice.label, room).into_iter().enumerate() {
            let start = if number == 0 { head.as_str() } else { indent.as_str() };
            let line = format!("{start}{text}");
            // The bar of the selected choice has one length, whatever it says.
            let padding = columns.saturating_sub(measure_text_width(&line));
            let padding = if here { " ".repeat(padding) } else { String::new() };
            lines.push(Line::styled(line + &padding, style));
        }
        for detail in &choice.details {
            lines.extend(
                wrap(detail, room).into_iter().map(|text| Line::plain(format!("{indent}{text}"))),
            );
        }
        for (text, style) in [(&choice.warning, Style::Warning), (&choice.blocked, Style::Plain)] {
            for text in text.iter().flat_map(|text| wrap(text, room)) {
                lines.push(Line::styled(format!("{indent}{text}"), style));
            }
        }
        lines
    }

    fn keys_line(&self, position: &Position) -> String {
        let mut parts = vec![message!("menu-keys-move").to_string()];
        if self.many {
            parts.push(message!("menu-keys-mark").to_string());
        }
        parts.push(message!("menu-keys-choose").to_string());
        if position.text_overflows {
            parts.push(message!("menu-keys-page").to_string());
        }
        if self.back {
            parts.push(message!("menu-keys-back").to_string());
        }
        parts.join("  ")
    }

    /// What is shown. The position is moved so that the cursor is on the screen.
    pub(super) fn frame(&self, position: &mut Position, view: View) -> Frame {
        position.cursor = position.cursor.min(self.choices.len().saturating_sub(1));
        let columns = view.columns;
        let text = self.text_lines(columns);
        let choices: Vec<Vec<Line>> =
            (0..self.choices.len()).map(|i| self.choice_lines(i, position, columns)).collect();
        let choice_rows: usize = choices.iter().map(Vec::len).sum();
        let room = view.rows.saturating_sub(FRAME_ROWS).max(4);
        let gap = usize::from(!text.is_empty());

        // Who is longer than half of the room gives way.
        let text_rows = if text.len() + gap + choice_rows <= room {
            text.len()
        } else if choice_rows + gap <= room / 2 {
            room - gap - choice_rows
        } else {
            text.len().min((room / 2).max(room.saturating_sub(gap + choice_rows)))
        };
        let choice_room = room.saturating_sub(text_rows + gap).max(1);

        position.text_overflows = text.len() > text_rows;
        // The last row of a text that goes on says so.
        position.text_page = text_rows.saturating_sub(usize::from(position.text_overflows)).max(1);
        position.text_top = position.text_top.min(text.len().saturating_sub(position.text_page));
        position.choices_page = (choice_room / 3).max(1);

        let mut lines = vec![
            Line::styled(shortened(&self.title, columns), Style::Title),
            Line::plain(rule(view)),
        ];
        if position.text_overflows {
            let end = (position.text_top + position.text_page).min(text.len());
            lines.extend(text[position.text_top..end].iter().cloned());
            let left = text.len() - end;
            let more = match left {
                0 => message!("menu-text-end"),
                left => message!("menu-text-more", count = left),
            };
            lines.push(Line::styled(shortened(&more.to_string(), columns), Style::Title));
        } else {
            lines.extend(text);
        }
        lines.extend((0..gap).map(|_| Line::empty()));

        // A list that goes on says so, above and below, where that leaves room for the list.
        let marks = choice_rows > choice_room && choice_room >= LEAST_WITH_MARKS;
        let choice_room = if marks { choice_room - 2 } else { choice_room };
        let before: usize = choices.iter().take(position.cursor).map(Vec::len).sum();
        let length = choices.get(position.cursor).map_or(0, Vec::len);
        position.top = position.top.max((before + length).saturating_sub(choice_room));
        position.top = position.top.min(before);
        position.top = position.top.min(choice_rows.saturating_sub(choice_room));
        let (top, bottom) = (position.top, position.top + choice_room);
        let ends: Vec<usize> = choices
            .iter()
            .scan(0, |end, choice| {
                *end += choice.len();
                Some(*end)
            })
            .collect();
        let above = ends.iter().zip(&choices).filter(|(end, choice)| **end - choice.len() < top);
        let above = above.count();
        let below = ends.iter().filter(|end| **end > bottom).count();
        let mark = |count: usize, text: Message| match count {
            0 => Line::empty(),
            _ => Line::styled(shortened(&text.to_string(), columns), Style::Title),
        };
        lines.extend(marks.then(|| mark(above, message!("menu-list-above", count = above))));
        lines.extend(choices.into_iter().flatten().skip(top).take(choice_room));
        lines.extend(marks.then(|| mark(below, message!("menu-list-below", count = below))));
        finish(lines, &self.keys_line(position), view)
    }

    /// What a key does.
    pub(super) fn key(&self, position: &mut Position, key: Key) -> Reaction {
        let last = self.choices.len().saturating_sub(1);
        match key {
            Key::Up if position.cursor == 0 => position.cursor = last,
            Key::Up => position.cursor -= 1,
            Key::Down | Key::Tab if position.cursor >= last => position.cursor = 0,
            Key::Down | Key::Tab => position.cursor += 1,
            Key::Home => position.cursor = 0,
            Key::End => position.cursor = last,
            Key::PageUp if position.text_overflows => {
                position.text_top = position.text_top.saturating_sub(position.text_page);
            }
            // The frame holds it in its bounds.
            Key::PageDown if position.text_overflows => position.text_top += position.text_page,
            Key::PageUp => {
                position.cursor = position.cursor.saturating_sub(position.choices_page);
            }
            Key::PageDown => position.cursor = (position.cursor + position.choices_page).min(last),
            Key::Char(digit @ '1'..='9') => {
                let index = digit as usize - '1' as usize;
                if index <= last {
                    position.cursor = index;
                }
            }
            Key::Char(' ') if self.many => self.toggle(position),
            Key::Enter => return self.enter(position),
            Key::Escape if self.back => return Reaction::Back,
            _ => {}
        }
        Reaction::Stay
    }

    fn is_blocked(&self, index: usize) -> bool {
        self.choices.get(index).is_none_or(|choice| choice.blocked.is_some())
    }

    fn toggle(&self, position: &mut Position) {
        if !self.is_blocked(position.cursor) && !position.marked.remove(&position.cursor) {
            position.marked.insert(position.cursor);
        }
    }

    fn enter(&self, position: &Position) -> Reaction {
        if self.is_blocked(position.cursor) {
            return Reaction::Stay;
        }
        let mut chosen: Vec<usize> = Vec::new();
        if self.many {
            chosen.extend(position.marked.iter().filter(|index| !self.is_blocked(**index)));
        }
        if chosen.is_empty() {
            chosen.push(position.cursor);
        }
        Reaction::Chosen(chosen)
    }

    /// The whole list for a terminal on which nothing can be drawn.
    pub(super) fn printed(&self, columns: usize) -> Vec<Line> {
        let mut lines = vec![
            Line::empty(),
            Line::plain(shortened(&self.title, columns)),
            Line::plain("-".repeat(columns)),
        ];
        lines.extend(self.text_lines(columns));
        lines.push(Line::empty());
        for (index, choice) in self.choices.iter().enumerate() {
            let head = format!("{:>3}) ", index + 1);
            let indent = " ".repeat(head.len());
            let room = columns - indent.len();
            let mut texts = wrap(&choice.label, room);
            let rest = choice.details.iter().chain(&choice.warning).chain(&choice.blocked);
            texts.extend(rest.flat_map(|text| wrap(text, room)));
            for (number, text) in texts.into_iter().enumerate() {
                let start = if number == 0 { &head } else { &indent };
                lines.push(Line::plain(format!("{start}{text}")));
            }
        }
        lines
    }

    /// What a typed line means: numbers of choices, or 0 for back.
    pub(super) fn typed(&self, line: &str) -> Reaction {
        let words = line.split([' ', ',']).filter(|word| !word.is_empty());
        let Ok(numbers) = words.map(str::parse).collect::<Result<Vec<usize>, _>>() else {
            return Reaction::Stay;
        };
        match numbers.as_slice() {
            [0] if self.back => Reaction::Back,
            [] => Reaction::Stay,
            numbers => {
                let indexes: Vec<usize> =
                    numbers.iter().map(|number| number.wrapping_sub(1)).collect();
                let fine = (indexes.len() == 1 || self.many)
                    && indexes.iter().all(|index| !self.is_blocked(*index));
                if fine { Reaction::Chosen(indexes) } else { Reaction::Stay }
            }
        }
    }
}

fn rule(view: View) -> String {
    if view.drawing { "─" } else { "-" }.repeat(view.columns)
}

/// Fills the screen and puts the line of keys at its bottom.
fn finish(mut lines: Vec<Line>, keys: &str, view: View) -> Frame {
    lines.truncate(view.rows.saturating_sub(2));
    lines.resize(view.rows.saturating_sub(1), Line::empty());
    lines.push(Line::styled(shortened(keys, view.columns), Style::Title));
    Frame { lines, cursor: None }
}

/// A screen with a line to type.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Input {
    pub(super) title: String,
    pub(super) text: Vec<Line>,
    /// What stands before the line.
    pub(super) prompt: String,
    /// What is typed so far.
    pub(super) value: String,
    /// Whether what is typed is shown as stars.
    pub(super) hidden: bool,
    /// The place of the cursor, in characters.
    cursor: usize,
    /// What was wrong with what was typed before.
    pub(super) problem: Option<String>,
}

/// What a key came to on an [`Input`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Typed {
    Stay,
    Done,
    Back,
}

/// Longest line that can be typed, in characters.
const MAX_INPUT: usize = 1000;

impl Input {
    pub(super) fn new(title: impl ToString, prompt: impl ToString, value: &str) -> Self {
        Self {
            title: title.to_string(),
            text: Vec::new(),
            prompt: prompt.to_string(),
            value: value.to_owned(),
            hidden: false,
            cursor: value.chars().count(),
            problem: None,
        }
    }

    pub(super) fn text(mut self, paragraph: impl ToString) -> Self {
        self.text.push(Line::plain(paragraph.to_string()));
        self
    }

    pub(super) fn warning(mut self, paragraph: impl ToString) -> Self {
        self.text.push(Line::styled(paragraph.to_string(), Style::Warning));
        self
    }

    fn byte(&self, character: usize) -> usize {
        self.value.char_indices().nth(character).map_or(self.value.len(), |(byte, _)| byte)
    }

    /// What a key does.
    pub(super) fn key(&mut self, key: Key) -> Typed {
        let length = self.value.chars().count();
        match key {
            Key::Enter => return Typed::Done,
            Key::Escape => return Typed::Back,
            Key::Char(c) if length < MAX_INPUT => {
                self.value.insert(self.byte(self.cursor), c);
                self.cursor += 1;
            }
            Key::Backspace if self.cursor > 0 => {
                self.cursor -= 1;
                self.value.remove(self.byte(self.cursor));
            }
            Key::Delete if self.cursor < length => {
                self.value.remove(self.byte(self.cursor));
            }
            Key::Left => self.cursor = self.cursor.saturating_sub(1),
            Key::Right => self.cursor = (self.cursor + 1).min(length),
            Key::Home => self.cursor = 0,
            Key::End => self.cursor = length,
            _ => {}
        }
        Typed::Stay
    }

    /// The screen for a terminal on which nothing can be drawn.
    pub(super) fn printed(&self, columns: usize) -> Vec<Line> {
        let mut lines = vec![
            Line::empty(),
            Line::plain(shortened(&self.title, columns)),
            Line::plain("-".repeat(columns)),
        ];
        let mut add = |text: &str| lines.extend(wrap(text, columns).into_iter().map(Line::plain));
        self.text.iter().for_each(|paragraph| add(&paragraph.text));
        add("");
        self.problem.iter().for_each(|problem| add(problem));
        add(&self.prompt);
        if !self.value.is_empty() && !self.hidden {
            add(&message!("menu-enter-keeps", value = self.value.as_str()).to_string());
        }
        add(&message!("menu-dot-goes-back").to_string());
        lines
    }

    pub(super) fn frame(&self, view: View) -> Frame {
        let columns = view.columns;
        let mut lines = vec![
            Line::styled(shortened(&self.title, columns), Style::Title),
            Line::plain(rule(view)),
        ];
        // Room for the title, the prompt, the line and what was wrong with it.
        let room = view.rows.saturating_sub(FRAME_ROWS + 5);
        let mut text = Vec::new();
        for paragraph in &self.text {
            let wrapped = wrap(&paragraph.text, columns);
            text.extend(wrapped.into_iter().map(|text| Line::styled(text, paragraph.style)));
        }
        text.truncate(room);
        lines.extend(text);
        lines.push(Line::empty());
        for line in wrap(&self.prompt, columns) {
            lines.push(Line::plain(line));
        }
        // The part of a long line that holds the cursor.
        let width = columns.saturating_sub(3);
        let value = match self.hidden {
            true => "*".repeat(self.value.chars().count()),
            false => self.value.clone(),
        };
        let before: String = value.chars().take(self.cursor).collect();
        let mut start = 0;
        while measure_text_width(&before[start..]) >= width {
            start += before[start..].chars().next().map_or(1, char::len_utf8);
        }
        let shown = truncate_str(&value[start..], width, "").into_owned();
        let cursor = (lines.len(), 2 + measure_text_width(&before[start..]));
        lines.push(Line::plain(format!("> {shown}")));
        if let Some(problem) = &self.problem {
            lines.push(Line::empty());
            for line in wrap(problem, columns) {
                lines.push(Line::styled(line, Style::Warning));
            }
        }
        let keys = [message!("menu-keys-done"), message!("menu-keys-back")];
        let keys = keys.map(|key| key.to_string()).join("  ");
        Frame { cursor: Some(cursor), ..finish(lines, &keys, view) }
    }
}

/// A text that is read from top to bottom.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Reading {
    pub(super) title: String,
    pub(super) text: String,
    /// First line that is shown.
    top: usize,
    page: usize,
}

impl Reading {
    pub(super) fn new(title: impl ToString, text: String) -> Self {
        Self { title: title.to_string(), text, top: 0, page: 1 }
    }

    /// Begins with the end of the text.
    pub(super) fn starting_at_end(mut self) -> Self {
        self.top = usize::MAX;
        self
    }

    pub(super) fn lines(&self, columns: usize) -> Vec<String> {
        wrap(&self.text.replace('\t', "    "), columns)
    }

    pub(super) fn frame(&mut self, view: View) -> Frame {
        let text = self.lines(view.columns);
        self.page = view.rows.saturating_sub(FRAME_ROWS + 1).max(1);
        self.top = self.top.min(text.len().saturating_sub(self.page));
        let end = (self.top + self.page).min(text.len());
        let mut lines = vec![
            Line::styled(shortened(&self.title, view.columns), Style::Title),
            Line::plain(rule(view)),
        ];
        lines.extend(text[self.top..end].iter().map(Line::plain));
        lines.resize(2 + self.page, Line::empty());
        if text.len() > self.page {
            let more = message!("menu-text-place", last = end, count = text.len());
            lines.push(Line::styled(shortened(&more.to_string(), view.columns), Style::Title));
        }
        let mut keys = Vec::new();
        if text.len() > self.page {
            keys.extend([message!("menu-keys-move"), message!("menu-keys-page")]);
        }
        keys.push(message!("menu-keys-return"));
        let keys: Vec<String> = keys.iter().map(ToString::to_string).collect();
        finish(lines, &keys.join("  "), view)
    }

    /// Whether the key ends the reading.
    pub(super) fn key(&mut self, key: Key) -> bool {
        match key {
            Key::Up => self.top = self.top.saturating_sub(1),
            Key::Down => self.top = self.top.saturating_add(1),
            Key::PageUp => self.top = self.top.saturating_sub(self.page),
            Key::PageDown | Key::Char(' ') => self.top = self.top.saturating_add(self.page),
            Key::Home => self.top = 0,
            Key::End => self.top = usize::MAX,
            Key::Enter | Key::Escape => return true,
            _ => {}
        }
        false
    }
}

#[cfg(test)]
#[path = "screen_tests.rs"]
mod tests;
