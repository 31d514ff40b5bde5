use super::*;
use crate::text::{Language, with_language};
use proptest::prelude::*;

const VIEW: View = View { columns: 79, rows: 24, drawing: true };

fn text(frame: &Frame) -> String {
    frame.lines.iter().map(|line| format!("{}\n", line.text.trim_end())).collect()
}

#[track_caller]
fn assert_fits(frame: &Frame, view: View) {
    assert_eq!(frame.lines.len(), view.rows, "{}", text(frame));
    for line in &frame.lines {
        assert!(measure_text_width(&line.text) <= view.columns, "{:?}", line.text);
    }
    if let Some((row, column)) = frame.cursor {
        assert!(row < view.rows && column <= view.columns);
    }
}

fn list(count: usize, details: usize) -> List<usize> {
    let choices = (0..count).map(|number| {
        let choice = Choice::new(number, format!("choice {number}"));
        (0..details).fold(choice, |choice, detail| choice.detail(format!("d{number}.{detail}")))
    });
    List::new("Title", choices.collect()).text("Some words before the choices.")
}

fn press<T>(list: &List<T>, position: &mut Position, keys: &[Key]) -> Reaction {
    let mut reaction = Reaction::Stay;
    for key in keys {
        assert_eq!(reaction, Reaction::Stay);
        list.frame(position, VIEW);
        reaction = list.key(position, *key);
    }
    reaction
}

#[test]
fn a_list_is_shown_and_chosen_from() {
    let list = list(3, 1);
    let mut position = Position::default();
    with_language(Language::English, || {
        let frame = list.frame(&mut position, VIEW);
        assert_fits(&frame, VIEW);
        let rule = "─".repeat(79);
        let expected = format!(
            "Title\n{rule}\nSome words before the choices.\n\n> 1 choice 0\n    d0.0\n  2 choice 1\n    \
             d1.0\n  3 choice 2\n    d2.0\n{}Arrows: move  Enter: choose  Esc: back\n",
            "\n".repeat(13)
        );
        assert_eq!(text(&frame), expected);
    });
    assert_eq!(frame_style(&list, &mut position, 4), Style::Selected);
    let chosen = press(&list, &mut position, &[Key::Down, Key::Down, Key::Up, Key::Enter]);
    assert_eq!(chosen, Reaction::Chosen(vec![1]));
    assert_eq!(
        press(&list, &mut position, &[Key::Char('3'), Key::Enter]),
        Reaction::Chosen(vec![2])
    );
    assert_eq!(press(&list, &mut position, &[Key::Down]), Reaction::Stay);
    assert_eq!(position.cursor, 0, "after the last comes the first");
    // A digit alone chooses nothing, whatever number it is.
    assert_eq!(press(&list, &mut position, &[Key::Char('9'), Key::Char('2')]), Reaction::Stay);
    assert_eq!(press(&list, &mut position, &[Key::Escape]), Reaction::Back);
}

fn frame_style<T>(list: &List<T>, position: &mut Position, row: usize) -> Style {
    list.frame(position, VIEW).lines[row].style
}

#[test]
fn escape_leads_nowhere_where_there_is_nothing_before() {
    let mut list = list(3, 0);
    list.back = false;
    let mut position = Position::default();
    for key in [Key::Escape, Key::Interrupt, Key::Left, Key::Backspace, Key::Char('q')] {
        assert_eq!(list.key(&mut position, key), Reaction::Stay);
        assert_eq!(position.cursor, 0);
    }
    assert_eq!(list.typed("0"), Reaction::Stay);
}

#[test]
fn what_is_blocked_is_not_chosen_and_says_why() {
    let mut list = list(3, 0);
    list.many = true;
    list.choices[1].blocked = Some("it is mounted".into());
    let mut position = Position { cursor: 1, ..Position::default() };
    let keys = [Key::Char(' '), Key::Enter];
    assert_eq!(press(&list, &mut position, &keys), Reaction::Stay);
    assert!(position.marked.is_empty());
    assert!(text(&list.frame(&mut position, VIEW)).contains("it is mounted"));
    for line in ["2", "1,2", "1 2 3", "4", "0 1", "x", "", "-1", "99999999999999999999"] {
        assert_eq!(list.typed(line), Reaction::Stay, "{line}");
    }
    let keys = [Key::Up, Key::Char(' '), Key::Down, Key::Down, Key::Char(' '), Key::Enter];
    assert_eq!(press(&list, &mut position, &keys), Reaction::Chosen(vec![0, 2]));
    assert_eq!(list.typed("1, 3"), Reaction::Chosen(vec![0, 2]));
    assert_eq!(list.typed("0"), Reaction::Back);
}

#[test]
fn long_lists_and_texts_are_paged_so_that_the_cursor_is_always_seen() {
    for (count, details, words) in [(60, 0, 5), (9, 4, 5), (2, 0, 900), (30, 2, 900), (1, 40, 0)] {
        let mut list = list(count, details);
        list.text[0].text = "word ".repeat(words);
        let mut position = Position::default();
        for rows in [24, 12, 50] {
            for _ in 0..count + 3 {
                let view = View { rows, ..VIEW };
                let frame = list.frame(&mut position, view);
                assert_fits(&frame, view);
                let shown = text(&frame);
                let here = format!("choice {}", position.cursor);
                assert!(shown.lines().any(|line| line.ends_with(&here)), "{here}\n{shown}");
                list.key(&mut position, Key::Down);
            }
        }
        // All of the text can be read.
        if words > 500 {
            position = Position::default();
            let mut seen = 0;
            for _ in 0..60 {
                let frame = list.frame(&mut position, VIEW);
                seen += text(&frame).lines().filter(|line| line.starts_with("word")).count();
                if text(&frame).contains("-- end") {
                    break;
                }
                list.key(&mut position, Key::PageDown);
            }
            assert!(seen >= 900 * 5 / 79, "{seen}");
        }
    }
}

#[test]
fn a_line_is_typed_and_corrected() {
    let mut input = Input::new("Title", "Name:", "año");
    let keys = [Key::Backspace, Key::Home, Key::Char('x'), Key::End, Key::Char('é'), Key::Left];
    for key in keys {
        assert_eq!(input.key(key), Typed::Stay);
    }
    assert_eq!(input.key(Key::Delete), Typed::Stay);
    assert_eq!(input.value, "xañ");
    input.value = "ñandú ".repeat(60);
    input.key(Key::End);
    input.problem = Some("not like this".into());
    let frame = input.frame(VIEW);
    assert_fits(&frame, VIEW);
    assert!(text(&frame).contains("not like this"));
    assert_eq!(input.key(Key::Escape), Typed::Back);
    assert_eq!(input.key(Key::Enter), Typed::Done);
    for _ in 0..2000 {
        input.key(Key::Char('a'));
    }
    assert_eq!(input.value.chars().count(), MAX_INPUT);
}

#[test]
fn a_text_is_read_to_its_end() {
    let words: String = (0..100).map(|number| format!("line {number}\n")).collect();
    let mut reading = Reading::new("Title", words);
    let mut last = String::new();
    for _ in 0..10 {
        let frame = reading.frame(VIEW);
        assert_fits(&frame, VIEW);
        last = text(&frame);
        assert!(!reading.key(Key::PageDown));
    }
    assert!(last.contains("line 99"), "{last}");
    let mut reading = reading.starting_at_end();
    assert!(text(&reading.frame(VIEW)).contains("line 99"));
    assert!(reading.key(Key::Escape));
}

#[test]
fn the_rows_of_keys_fit_in_every_language() {
    for language in Language::ALL {
        with_language(language, || {
            let mut list = list(2, 0);
            list.many = true;
            list.text[0].text = "word ".repeat(900);
            let mut position = Position::default();
            list.frame(&mut position, VIEW);
            assert!(position.text_overflows);
            let keys = list.keys_line(&position);
            assert!(measure_text_width(&keys) <= 79, "{keys}");
        });
    }
}

proptest! {
    #[test]
    fn wrapping_keeps_every_word_and_the_width(
        text in "[ a-zñ漢\n]{0,200}",
        columns in 8usize..80,
    ) {
        let lines = wrap(&text, columns);
        for line in &lines {
            prop_assert!(measure_text_width(line) <= columns, "{:?}", line);
        }
        let without = |text: &str| -> String { text.split_whitespace().collect() };
        prop_assert_eq!(without(&text), without(&lines.concat()));
    }

    #[test]
    fn no_keys_lead_astray(
        count in 0usize..20,
        keys in proptest::collection::vec(0usize..12, 0..60),
        rows in 10usize..30,
    ) {
        let list = list(count, 1);
        let view = View { rows, columns: 40, drawing: false };
        let mut position = Position::default();
        const KEYS: [Key; 12] = [
            Key::Up, Key::Down, Key::PageUp, Key::PageDown, Key::Home, Key::End, Key::Tab,
            Key::Char('5'), Key::Char(' '), Key::Delete, Key::Interrupt, Key::Redraw,
        ];
        for key in keys {
            let frame = list.frame(&mut position, view);
            prop_assert_eq!(frame.lines.len(), rows);
            prop_assert_eq!(list.key(&mut position, KEYS[key]), Reaction::Stay);
            prop_assert!(position.cursor < count.max(1));
        }
    }
}

#[test]
fn what_is_found_meanwhile_is_offered_first_until_a_key_is_pressed() {
    let named = |names: &[&'static str]| {
        List::new("Where?", names.iter().map(|name| Choice::new(*name, name)).collect())
    };
    let mut new = named(&["source", "stick", "server"]);
    new.choices[0].blocked = Some("it is saved".to_owned());
    let old = List { settling: true, ..named(&["server"]) };
    let cursor = |old: &List<&str>, is_fresh: bool| {
        let mut position = Position::default();
        position.follow(old, &new, is_fresh);
        position.cursor
    };
    assert_eq!(cursor(&old, true), 1);
    assert_eq!(cursor(&old, false), 2);
    assert_eq!(cursor(&List { settling: false, ..old }, true), 2);
}

#[test]
fn a_list_that_goes_on_says_so_above_and_below() {
    with_language(Language::English, || {
        let list = list(30, 1);
        let mut position = Position::default();
        let shown = text(&list.frame(&mut position, VIEW));
        assert!(shown.contains("-- 22 more below --") && !shown.contains("above"), "{shown}");
        press(&list, &mut position, &[Key::End]);
        let shown = text(&list.frame(&mut position, VIEW));
        assert!(shown.contains("-- 22 more above --") && !shown.contains("below"), "{shown}");
        assert!(shown.contains("choice 29"), "{shown}");
        // What fits has nothing more.
        let few = self::list(3, 1);
        assert!(!text(&few.frame(&mut Position::default(), VIEW)).contains("more"));
    });
}

#[test]
fn the_cursor_stays_near_what_has_gone() {
    let old = list(5, 0);
    let without = |gone: &[usize]| {
        let mut new = list(5, 0);
        new.choices.retain(|choice| !gone.contains(&choice.value));
        let mut position = Position { cursor: 2, ..Position::default() };
        position.follow(&old, &new, false);
        new.choices.get(position.cursor).map(|choice| choice.value)
    };
    assert_eq!(without(&[0]), Some(2));
    assert_eq!(without(&[2]), Some(3));
    assert_eq!(without(&[2, 3, 4]), Some(1));
    assert_eq!(without(&[0, 1, 2, 3, 4]), None);
}
