//! A server of one file for tests, which can misbehave.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

/// What a server answers to one request after another; the last answer is given again and again.
#[derive(Clone)]
pub(crate) enum Reply {
    /// The file, or the part that is asked for.
    Well,
    /// The whole file, whatever part is asked for.
    WithoutRanges,
    /// As `Well`, but the connection ends after so many bytes.
    CutAfter(usize),
    /// As `Well`, and then nothing more after so many bytes.
    SilentAfter(usize),
    /// The file without its length, in chunks.
    Chunked,
    /// Another address, from which it comes well.
    Redirect,
    /// This status and nothing else.
    Status(u16),
}

/// A server that runs as long as the test.
pub(crate) struct Server {
    /// What stands before a file's name.
    pub(crate) address: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// Serves the bytes under every name.
    pub(crate) fn start(bytes: Vec<u8>, tag: &'static str, replies: &[Reply]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (seen, mut replies) = (requests.clone(), replies.to_vec());
        thread::spawn(move || {
            for stream in listener.incoming() {
                let reply = if replies.len() > 1 { replies.remove(0) } else { replies[0].clone() };
                let (bytes, seen) = (bytes.clone(), seen.clone());
                // Of its own, so that one that is silent holds no other up.
                thread::spawn(move || answer(stream.unwrap(), &bytes, tag, &reply, &seen));
            }
        });
        Self { address, requests }
    }

    /// The parts that were asked for, in order; `""` for a whole file.
    pub(crate) fn ranges(&self) -> Vec<String> {
        let requests = self.requests.lock().unwrap();
        requests.iter().map(|request| header(request, "range").unwrap_or_default()).collect()
    }
}

fn header(request: &str, name: &str) -> Option<String> {
    let lines = request.lines().filter_map(|line| line.split_once(": "));
    lines.into_iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned())
}

fn answer(mut stream: TcpStream, bytes: &[u8], tag: &str, reply: &Reply, seen: &Mutex<Vec<String>>) {
    let lines = BufReader::new(stream.try_clone().unwrap()).lines();
    let request: Vec<String> = lines.map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
    let request = request.join("\n");
    seen.lock().unwrap().push(request.clone());
    let from =
        header(&request, "range").and_then(|range| range[6..].strip_suffix('-')?.parse::<usize>().ok());
    let same = header(&request, "if-range").is_none_or(|mark| mark == tag);
    let from = from.filter(|_| same && !matches!(reply, Reply::WithoutRanges));
    let n = bytes.len();
    let head = |status: &str, more: &str| format!("HTTP/1.1 {status}\r\nConnection: close\r\n{more}\r\n");
    let rest = &bytes[from.unwrap_or(0).min(n)..];
    let length = format!("ETag: {tag}\r\nContent-Length: {}\r\n", rest.len());
    let well = match from {
        Some(from) if from >= n => {
            head("416 Range Not Satisfiable", &format!("Content-Range: bytes */{n}\r\n"))
        }
        Some(from) => {
            head("206 Partial Content", &format!("{length}Content-Range: bytes {from}-{}/{n}\r\n", n - 1))
        }
        None => head("200 OK", &length),
    };
    let (head, body) = match reply {
        Reply::Status(status) => (head(&format!("{status} No"), "Content-Length: 0\r\n"), &rest[..0]),
        Reply::Redirect if !request.starts_with("GET /moved") => {
            (head("302 Found", "Location: /moved\r\nContent-Length: 0\r\n"), &rest[..0])
        }
        Reply::CutAfter(n) | Reply::SilentAfter(n) => (well, &rest[..rest.len().min(*n)]),
        Reply::Chunked => (head("200 OK", "Transfer-Encoding: chunked\r\n"), rest),
        _ => (well, rest),
    };
    // A client that has gone wants nothing more.
    let _ = stream.write_all(head.as_bytes());
    if matches!(reply, Reply::Chunked) {
        for piece in body.chunks(1000) {
            let _ = write!(stream, "{:x}\r\n", piece.len());
            let _ = stream.write_all(piece);
            let _ = stream.write_all(b"\r\n");
        }
        let _ = stream.write_all(b"0\r\n\r\n");
    } else {
        let _ = stream.write_all(body);
    }
    let _ = stream.flush();
    if matches!(reply, Reply::SilentAfter(_)) {
        thread::sleep(std::time::Duration::from_secs(20));
    }
}
