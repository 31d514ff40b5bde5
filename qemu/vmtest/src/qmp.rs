//! QEMU's machine protocol: one JSON document on each line, over a Unix socket
//! (QEMU's docs/interop/qmp-spec.txt).

use serde_json::{Value, json};
use std::collections::VecDeque;
use std::fmt;
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

/// No answer of QEMU is longer than this, in bytes.
const LONGEST_LINE: usize = 4 << 20;
/// How long QEMU may take to answer a command. It answers at once, except when it is swapped out.
const ANSWER: Duration = Duration::from_secs(60);

/// Why a command was not carried out.
#[derive(Debug)]
pub enum QmpError {
    /// QEMU refused: its class of error and its words.
    Refused { class: String, words: String },
    /// QEMU ended or closed the connection.
    Gone(String),
    /// No answer in time.
    Silent,
    /// Something that is not of this protocol.
    Strange(String),
}

impl fmt::Display for QmpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { class, words } => write!(f, "QEMU refuses: {words} ({class})"),
            Self::Gone(why) => write!(f, "QEMU is gone: {why}"),
            Self::Silent => write!(f, "QEMU does not answer"),
            Self::Strange(what) => write!(f, "QEMU says what is not of its protocol: {what}"),
        }
    }
}

impl std::error::Error for QmpError {}

/// Something that happened to the machine.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// For example `SHUTDOWN`.
    pub name: String,
    /// What belongs to it.
    pub data: Value,
}

/// One line from QEMU.
#[derive(Debug, PartialEq)]
enum Message {
    Greeting,
    Answer { id: Option<u64>, value: Value },
    Error { id: Option<u64>, class: String, words: String },
    Event(Event),
}

fn parse(line: &str) -> Result<Message, QmpError> {
    let strange = || QmpError::Strange(line.chars().take(200).collect());
    let value: Value = serde_json::from_str(line).map_err(|_| strange())?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let id = value["id"].as_u64();
    if value.get("QMP").is_some() {
        Ok(Message::Greeting)
    } else if let Some(answer) = value.get("return") {
        Ok(Message::Answer { id, value: answer.clone() })
    } else if let Some(error) = value.get("error") {
        Ok(Message::Error { id, class: text(&error["class"]), words: text(&error["desc"]) })
    } else if let Some(name) = value["event"].as_str() {
        Ok(Message::Event(Event { name: name.to_owned(), data: value["data"].clone() }))
    } else {
        Err(strange())
    }
}

/// A connection to a running QEMU.
pub(crate) struct Qmp {
    stream: UnixStream,
    received: Vec<u8>,
    events: VecDeque<Event>,
    next_id: u64,
}

impl Qmp {
    /// Connects and shakes hands.
    pub(crate) fn connect(socket: &Path) -> Result<Self, QmpError> {
        let stream =
            UnixStream::connect(socket).map_err(|error| QmpError::Gone(error.to_string()))?;
        Self::over(stream)
    }

    fn over(stream: UnixStream) -> Result<Self, QmpError> {
        let mut qmp = Self { stream, received: Vec::new(), events: VecDeque::new(), next_id: 1 };
        let until = Instant::now() + ANSWER;
        while qmp.message(until)?.ok_or(QmpError::Silent)? != Message::Greeting {}
        qmp.execute("qmp_capabilities", Value::Null)?;
        Ok(qmp)
    }

    /// Runs one command and gives its answer. `arguments` is an object or null.
    pub(crate) fn execute(&mut self, command: &str, arguments: Value) -> Result<Value, QmpError> {
        let id = self.next_id;
        self.next_id += 1;
        let mut request = json!({ "execute": command, "id": id });
        if !arguments.is_null() {
            request["arguments"] = arguments;
        }
        writeln!(self.stream, "{request}").map_err(|error| QmpError::Gone(error.to_string()))?;
        let until = Instant::now() + ANSWER;
        loop {
            match self.message(until)?.ok_or(QmpError::Silent)? {
                Message::Answer { id: of, value } if of == Some(id) => return Ok(value),
                Message::Error { id: of, class, words } if of == Some(id) || of.is_none() => {
                    return Err(QmpError::Refused { class, words });
                }
                Message::Event(event) => self.events.push_back(event),
                _ => {}
            }
        }
    }

    /// The next event with this name, those before it being dropped; none if there is none in time.
    pub(crate) fn event(
        &mut self,
        name: &str,
        within: Duration,
    ) -> Result<Option<Event>, QmpError> {
        let until = Instant::now() + within;
        loop {
            while let Some(event) = self.events.pop_front() {
                if event.name == name {
                    return Ok(Some(event));
                }
            }
            match self.message(until)? {
                Some(Message::Event(event)) => self.events.push_back(event),
                Some(_) => {}
                None => return Ok(None),
            }
        }
    }

    /// The next line; none if there is none in time.
    fn message(&mut self, until: Instant) -> Result<Option<Message>, QmpError> {
        loop {
            if let Some(end) = self.received.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.received.drain(..=end).collect();
                return parse(String::from_utf8_lossy(&line).trim()).map(Some);
            }
            if self.received.len() > LONGEST_LINE {
                return Err(QmpError::Strange("a line without an end".to_owned()));
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(None);
            }
            let gone = |error: std::io::Error| QmpError::Gone(error.to_string());
            self.stream.set_read_timeout(Some(left)).map_err(gone)?;
            let mut buffer = [0; 4096];
            match self.stream.read(&mut buffer) {
                Ok(0) => return Err(QmpError::Gone("it closed the connection".to_owned())),
                Ok(count) => self.received.extend_from_slice(&buffer[..count]),
                Err(error) => match error.kind() {
                    ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted => {}
                    _ => return Err(gone(error)),
                },
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead as _, BufReader};
    use std::thread::JoinHandle;

    #[test]
    fn each_kind_of_line_is_told_from_the_others() {
        assert_eq!(parse(r#"{"QMP": {"version": {}}}"#).unwrap(), Message::Greeting);
        assert_eq!(
            parse(r#"{"return": {"running": true}, "id": 7}"#).unwrap(),
            Message::Answer { id: Some(7), value: json!({"running": true}) }
        );
        assert_eq!(
            parse(r#"{"id": 1, "error": {"class": "GenericError", "desc": "no such disk"}}"#)
                .unwrap(),
            Message::Error {
                id: Some(1),
                class: "GenericError".to_owned(),
                words: "no such disk".to_owned()
            }
        );
        assert_eq!(
            parse(r#"{"event": "SHUTDOWN", "data": {"guest": true}, "timestamp": {}}"#).unwrap(),
            Message::Event(Event { name: "SHUTDOWN".to_owned(), data: json!({"guest": true}) })
        );
        for strange in ["", "QMP", "[]", "{}", r#"{"event": 3}"#] {
            assert!(matches!(parse(strange), Err(QmpError::Strange(_))), "{strange:?}");
        }
    }

    /// A QEMU that greets, and after each command says the next of these lines.
    fn pretend(lines: &'static [&'static str]) -> (UnixStream, JoinHandle<Vec<String>>) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let thread = std::thread::spawn(move || {
            let mut commands = BufReader::new(theirs.try_clone().unwrap());
            let mut theirs = theirs;
            writeln!(theirs, r#"{{"QMP": {{}}}}"#).unwrap();
            let mut heard = Vec::new();
            for line in [r#"{"return": {}, "id": 1}"#].iter().chain(lines) {
                let mut command = String::new();
                if commands.read_line(&mut command).unwrap() == 0 {
                    break;
                }
                heard.push(command.trim().to_owned());
                writeln!(theirs, "{line}").unwrap();
            }
            heard
        });
        (ours, thread)
    }

    #[test]
    fn events_between_command_and_answer_are_kept() {
        let (stream, thread) = pretend(&[concat!(
            r#"{"event": "RESUME"}"#,
            "\n",
            r#"{"event": "SHUTDOWN", "data": {"reason": "guest-reset"}}"#,
            "\n",
            r#"{"return": {"status": "paused"}, "id": 2}"#
        )]);
        let mut qmp = Qmp::over(stream).unwrap();
        let answer = qmp.execute("query-status", Value::Null).unwrap();
        assert_eq!(answer["status"], "paused");
        let event = qmp.event("SHUTDOWN", Duration::ZERO).unwrap().unwrap();
        assert_eq!(event.data["reason"], "guest-reset");
        let heard = thread.join().unwrap();
        assert_eq!(heard[1], r#"{"execute":"query-status","id":2}"#);
    }

    #[test]
    fn refusal_silence_and_end_are_told_apart() {
        let (stream, thread) = pretend(&[
            r#"{"error": {"class": "CommandNotFound", "desc": "what?"}, "id": 2}"#,
            "noise",
        ]);
        let mut qmp = Qmp::over(stream).unwrap();
        let error = qmp.execute("sing", Value::Null).unwrap_err();
        assert_eq!(error.to_string(), "QEMU refuses: what? (CommandNotFound)");
        assert!(matches!(qmp.event("X", Duration::from_millis(20)), Ok(None)));
        assert!(matches!(qmp.execute("x", Value::Null), Err(QmpError::Strange(_))));
        thread.join().unwrap();
        assert!(matches!(qmp.execute("x", Value::Null), Err(QmpError::Gone(_))));
    }
}
