//! The clock of this machine, set by a time server (SNTP: RFC 5905, section 14).

use crate::error::{Error, ErrorKind, Result};
use crate::text::message;
use rsntp::{Config, SntpClient};
use rustix::time::{ClockId, Timespec, clock_settime};
use std::net::SocketAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How long a time server may take to answer.
const ANSWER: Duration = Duration::from_secs(5);
/// What a clock may be wrong without being set: certificates and logs do not mind.
const TOLERANCE: f64 = 2.0;
/// No server that tells the truth is before this: the year 2024, in seconds since 1970.
const NOT_BEFORE: u64 = 1_704_067_200;

fn failed(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::new(ErrorKind::Io, message!("network-clock-failed")).caused_by(error)
}

/// By how many seconds the clock is behind what a server says.
///
/// # Errors
/// When the server does not answer, or not with a time that could be.
fn ask(server: SocketAddr) -> Result<f64> {
    let client = SntpClient::with_config(Config::default().timeout(ANSWER));
    let answer = client.synchronize(server).map_err(|error| failed(error.to_string()))?;
    let told = answer.datetime().unix_timestamp().map_err(|error| failed(error.to_string()))?;
    match told.as_secs() >= NOT_BEFORE {
        true => Ok(answer.clock_offset().as_secs_f64()),
        false => Err(failed("the server's clock is not set")),
    }
}

/// Sets the clock by what a server says, if it is wrong; answers by how many seconds it was behind.
///
/// # Errors
/// As the server answers; when this process may not set the clock.
pub(super) fn set_by(server: SocketAddr) -> Result<Option<f64>> {
    let behind = ask(server)?;
    if behind.abs() < TOLERANCE {
        return Ok(None);
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_err(failed)?.as_secs_f64();
    let right = now + behind;
    let time = Timespec { tv_sec: right.floor() as i64, tv_nsec: (right.fract() * 1e9) as i64 };
    clock_settime(ClockId::Realtime, time).map_err(|errno| failed(std::io::Error::from(errno)))?;
    Ok(Some(behind))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::UdpSocket;

    /// A server that is ahead by so many seconds, for one question.
    fn server(ahead: f64) -> SocketAddr {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        std::thread::spawn(move || {
            let mut packet = [0; 48];
            let (_, from) = socket.recv_from(&mut packet).unwrap();
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64() + ahead;
            // Seconds since 1900 in the upper half.
            let stamp = ((now + 2_208_988_800.0) * 4_294_967_296.0) as u64;
            let originate: [u8; 8] = packet[40..48].try_into().unwrap();
            let mut answer = [0; 48];
            // Version 4, server, stratum 1.
            answer[..2].copy_from_slice(&[0x24, 1]);
            answer[12..16].copy_from_slice(b"GPS\0");
            answer[24..32].copy_from_slice(&originate);
            for place in [16, 32, 40] {
                answer[place..place + 8].copy_from_slice(&stamp.to_be_bytes());
            }
            socket.send_to(&answer, from).unwrap();
        });
        address
    }

    #[test]
    fn how_wrong_the_clock_is() {
        for ahead in [0.0, 3600.0, -86_400.0] {
            let behind = ask(server(ahead)).unwrap();
            assert!((behind - ahead).abs() < 1.0, "{ahead}: {behind}");
        }
        // A clock that is right is left alone.
        assert_eq!(set_by(server(0.5)).unwrap(), None);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64();
        assert!(ask(server(-now + 100.0)).is_err(), "it says that it is 1970");
    }
}
