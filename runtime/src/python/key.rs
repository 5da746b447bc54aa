//! An entry's key: a JSON array `[family, sample, {label: value, ..}, help]`.
//!
//! The parser takes what Python's `json` takes of this one form: any escape, surrogate pairs, raw
//! UTF-8, white space, and the last of two labels with one name. A lone surrogate, which Python
//! cannot print, becomes U+FFFD. The help text may be missing, as in files from before 0.16.
#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use crate::model::cold_sort;

/// What a key says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) family: String,
    pub(super) name: String,
    /// Sorted by name, each name once.
    pub(super) labels: Vec<(String, String)>,
    pub(super) help: String,
}

/// Why a key is not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// Not an array of the form above.
    NotAKey,
    /// A label's value, or the help text, is not a text. Python fails when it prints it.
    NotText,
    /// The third element is an array: a file of GitLab's `prometheus-client-mmap`, for Ruby.
    OtherClient,
}

impl Key {
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, Fault> {
        let mut json = Json { bytes, at: 0 };
        json.expect(b'[')?;
        let family = json.string()?;
        json.expect(b',')?;
        let name = json.string()?;
        json.expect(b',')?;
        if json.eat(b'[') {
            return Err(Fault::OtherClient);
        }
        let labels = json.labels()?;
        let help = if json.eat(b',') { json.text()? } else { String::new() };
        json.expect(b']')?;
        json.skip_space();
        if json.at != bytes.len() {
            return Err(Fault::NotAKey);
        }
        Ok(Self { family, name, labels, help })
    }
}

struct Json<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Json<'_> {
    fn next(&mut self) -> Result<u8, Fault> {
        let byte = self.bytes.get(self.at).copied().ok_or(Fault::NotAKey)?;
        self.at = self.at.saturating_add(1);
        Ok(byte)
    }

    fn skip_space(&mut self) {
        while matches!(self.bytes.get(self.at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at = self.at.saturating_add(1);
        }
    }

    /// Goes on behind this character, if it comes next.
    fn eat(&mut self, wanted: u8) -> bool {
        self.skip_space();
        let is_there = self.bytes.get(self.at) == Some(&wanted);
        self.at = self.at.saturating_add(usize::from(is_there));
        is_there
    }

    fn expect(&mut self, wanted: u8) -> Result<(), Fault> {
        if self.eat(wanted) { Ok(()) } else { Err(Fault::NotAKey) }
    }

    fn labels(&mut self) -> Result<Vec<(String, String)>, Fault> {
        self.expect(b'{')?;
        let mut labels = Vec::new();
        if self.eat(b'}') {
            return Ok(labels);
        }
        loop {
            let name = self.string()?;
            self.expect(b':')?;
            labels.push((name, self.text()?));
            if !self.eat(b',') {
                break;
            }
        }
        self.expect(b'}')?;
        // Stable, and of equal names the last one stays.
        labels.reverse();
        cold_sort::sort_by(&mut labels, |(a, _), (b, _)| a.cmp(b));
        labels.dedup_by(|(a, _), (b, _)| a == b);
        Ok(labels)
    }

    /// A string where another JSON value would be valid JSON too.
    fn text(&mut self) -> Result<String, Fault> {
        self.skip_space();
        match self.bytes.get(self.at) {
            Some(b'"') => self.string(),
            Some(b'-' | b'0'..=b'9' | b'n' | b't' | b'f' | b'N' | b'I' | b'[' | b'{') => {
                Err(Fault::NotText)
            }
            _ => Err(Fault::NotAKey),
        }
    }

    fn string(&mut self) -> Result<String, Fault> {
        self.expect(b'"')?;
        let mut text = String::new();
        loop {
            let rest = self.bytes.get(self.at..).unwrap_or_default();
            let plain = rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1f));
            let plain = rest.get(..plain.ok_or(Fault::NotAKey)?).unwrap_or_default();
            text.push_str(core::str::from_utf8(plain).map_err(|_| Fault::NotAKey)?);
            self.at = self.at.saturating_add(plain.len());
            match self.next()? {
                b'"' => return Ok(text),
                b'\\' => text.push(self.escaped()?),
                _ => return Err(Fault::NotAKey),
            }
        }
    }

    fn escaped(&mut self) -> Result<char, Fault> {
        Ok(match self.next()? {
            b'"' => '"',
            b'\\' => '\\',
            b'/' => '/',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => self.code_point()?,
            _ => return Err(Fault::NotAKey),
        })
    }

    /// The character of `\uXXXX`, or of two of them that are a surrogate pair.
    fn code_point(&mut self) -> Result<char, Fault> {
        const HIGH: core::ops::Range<u32> = 0xd800..0xdc00;
        const LOW: core::ops::Range<u32> = 0xdc00..0xe000;
        let mut code = self.hex4()?;
        let behind = self.at;
        let end = behind.saturating_add(2);
        if HIGH.contains(&code) && self.bytes.get(behind..end) == Some(b"\\u") {
            self.at = end;
            let low = self.hex4()?;
            if LOW.contains(&low) {
                let halves = (code & 0x3ff) << 10 | low & 0x3ff;
                code = halves.saturating_add(0x1_0000);
            } else {
                self.at = behind;
            }
        }
        Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    fn hex4(&mut self) -> Result<u32, Fault> {
        let mut code = 0_u32;
        for _ in 0..4 {
            let digit = char::from(self.next()?).to_digit(16).ok_or(Fault::NotAKey)?;
            code = code << 4 | digit;
        }
        Ok(code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> Result<Key, Fault> {
        Key::parse(text.as_bytes())
    }

    #[test]
    fn what_python_writes_and_what_it_takes_is_read() {
        let plain = key(r#"["lat", "lat_bucket", {"a": "y", "le": "0.1"}, "lat help"]"#).unwrap();
        assert_eq!((&*plain.family, &*plain.name, &*plain.help), ("lat", "lat_bucket", "lat help"));
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(plain.labels, [pair("a", "y"), pair("le", "0.1")]);
        let odd =
            r#" [ "\u0061\u00e9\ud83d\ude00\"\\\/\b\f\n\r\t" ,"é😀",{"b":"1","a":"2","b":"3"} ] "#;
        let odd = key(odd).unwrap();
        assert_eq!(odd.family, "aé😀\"\\/\u{8}\u{c}\n\r\t");
        assert_eq!((&*odd.name, &*odd.help), ("é😀", ""));
        assert_eq!(odd.labels, [pair("a", "2"), pair("b", "3")]);
        assert_eq!(
            key(r#"["\ud800x", "\ude00", {}, "\ud800\u0041"]"#).unwrap().family,
            "\u{fffd}x"
        );
        assert_eq!(key(r#"["", "", {}, "\ud800\u0041"]"#).unwrap().help, "\u{fffd}A");
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for text in [
            "",
            "[",
            "[]",
            r#"["a"]"#,
            r#"["a", "b"]"#,
            r#"["a", "b", {}"#,
            r#"["a", "b", {}, "c"] x"#,
            r#"["a", "b", {"c"}, ""]"#,
            r#"["a", "b", {"c": "d",}, ""]"#,
            r#"["a\x", "b", {}, ""]"#,
            r#"["a\u00g0", "b", {}, ""]"#,
            r#"["a\u0", "b", {}, ""]"#,
            "[\"a\n\", \"b\", {}, \"\"]",
            r#"["a", "b", {}, "", ""]"#,
            r#"["a", "b", {"c": x}, ""]"#,
            r#"["a", "b", "c", ""]"#,
            r#"[1, "b", {}, ""]"#,
            r#"{"a": 1}"#,
            "[\"\u{0}\", \"b\", {}, \"\"]",
        ] {
            assert_eq!(key(text), Err(Fault::NotAKey), "{text}");
        }
        assert_eq!(Key::parse(b"[\"\xff\", \"b\", {}, \"\"]"), Err(Fault::NotAKey));
        for text in [
            r#"["a", "b", {"c": 1}, ""]"#,
            r#"["a", "b", {}, null]"#,
            r#"["a", "b", {"c": {}}, ""]"#,
        ] {
            assert_eq!(key(text), Err(Fault::NotText), "{text}");
        }
        assert_eq!(key(r#"["a", "b", ["c"], ["d"]]"#), Err(Fault::OtherClient));
    }
}
