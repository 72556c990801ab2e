//! What a server's answer to a request for a file, or for its rest, means.

use ureq::{
    Body,
    http::{HeaderMap, Response, header},
};

/// The status and the headers of an answer.
pub(crate) struct Answer<'a> {
    status: u16,
    headers: &'a HeaderMap,
}

/// Where in the file the answer's bytes belong.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Start {
    /// From this byte on.
    At(u64),
    /// Nowhere: all is there already.
    Complete,
}

impl<'a> Answer<'a> {
    /// The head of this response.
    pub(crate) fn of(response: &'a Response<Body>) -> Self {
        Self { status: response.status().as_u16(), headers: response.headers() }
    }

    /// Where the bytes belong when the first `have` are there; the error is what is wrong with the answer.
    pub(crate) fn start(&self, have: u64) -> Result<Start, String> {
        let range = self.text("content-range").unwrap_or_default();
        match self.status {
            200 => Ok(Start::At(0)),
            206 if range.starts_with(&format!("bytes {have}-")) => Ok(Start::At(have)),
            206 => Err(format!("the server sent another part than the one from byte {have} on ({range})")),
            416 if range == format!("bytes */{have}") && have > 0 => Ok(Start::Complete),
            416 => Err(format!("the server has no bytes from {have} on ({range})")),
            status => Err(format!("status {status}")),
        }
    }

    /// How many bytes the answer has.
    pub(crate) fn length(&self) -> Option<u64> {
        self.text("content-length")?.parse().ok()
    }

    /// What the server knows this version of the file by, fit for `If-Range`: a weak tag is not.
    pub(crate) fn mark(&self) -> Option<&'a str> {
        let tag = self.text(header::ETAG.as_str()).filter(|tag| !tag.starts_with("W/"));
        tag.or_else(|| self.text(header::LAST_MODIFIED.as_str()))
    }

    fn text(&self, name: &str) -> Option<&'a str> {
        self.headers.get(name)?.to_str().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(status: u16, headers: &[(&'static str, &str)], have: u64, expected: Result<Start, &str>) {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, value.parse().unwrap());
        }
        let answer = Answer { status, headers: &map };
        assert_eq!(answer.start(have), expected.map_err(str::to_owned));
    }

    #[test]
    fn bytes_belong_where_the_server_says() {
        check(200, &[], 0, Ok(Start::At(0)));
        check(200, &[], 7, Ok(Start::At(0)));
        check(206, &[("content-range", "bytes 7-9/10")], 7, Ok(Start::At(7)));
        check(416, &[("content-range", "bytes */7")], 7, Ok(Start::Complete));
        check(
            206,
            &[("content-range", "bytes 0-9/10")],
            7,
            Err("the server sent another part than the one from byte 7 on (bytes 0-9/10)"),
        );
        check(
            416,
            &[("content-range", "bytes */5")],
            7,
            Err("the server has no bytes from 7 on (bytes */5)"),
        );
        check(404, &[], 0, Err("status 404"));
    }

    #[test]
    fn a_weak_tag_is_no_mark() {
        let mut map = HeaderMap::new();
        map.insert("etag", "W/\"a\"".parse().unwrap());
        assert_eq!(Answer { status: 200, headers: &map }.mark(), None);
        map.insert("last-modified", "Mon".parse().unwrap());
        assert_eq!(Answer { status: 200, headers: &map }.mark(), Some("Mon"));
        map.insert("etag", "\"a\"".parse().unwrap());
        assert_eq!(Answer { status: 200, headers: &map }.mark(), Some("\"a\""));
    }
}
