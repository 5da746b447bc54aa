//! Feature `web-config`: reads the file by which Prometheus' exporters are secured, as
//! `exporter-toolkit` documents it.
//!
//! What this server cannot do is refused by name. A setting that is ignored would be a door that
//! its owner thinks is locked.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use http::{HeaderName, HeaderValue};
use saphyr::{Yaml, YamlLoader};
use saphyr_parser::{Parser, ScalarStyle};

use crate::error::Error;

use super::web_tls::{ClientAuth, Tls};

/// The greatest size of the file, and of those that it names.
const MOST_BYTES: u64 = 1 << 20;

const DOCUMENT: &str = "the document";

/// What the file says.
#[derive(Debug)]
pub(super) struct WebConfig {
    pub(super) tls: Option<Tls>,
    /// Added to every response.
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    /// Names, and hashes of passwords.
    pub(super) users: BTreeMap<String, String>,
    pub(super) rate: Option<Rate>,
}

/// How often requests are answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rate {
    pub(super) interval: Duration,
    pub(super) burst: u32,
}

impl WebConfig {
    /// Reads the file, and the files that it names.
    pub(super) fn read(path: &Path) -> Result<Self, Error> {
        let text = String::from_utf8(read_file(path)?)
            .map_err(|_| Error::invalid("the web configuration is not UTF-8").at(path))?;
        let folder = path.parent().unwrap_or_else(|| Path::new(""));
        Self::parse(&text, folder).map_err(|e| e.at(path))
    }

    fn parse(text: &str, folder: &Path) -> Result<Self, Error> {
        let mut loader = YamlLoader::<Yaml<'_>>::default();
        // A password may look like a number.
        loader.early_parse(false);
        Parser::new_from_str(text)
            .load(&mut loader, true)
            .map_err(|e| Error::invalid(format!("not YAML: {e}")))?;
        if let Some(error) = loader.error() {
            return Err(Error::invalid(format!("not YAML: {error}")));
        }
        let documents = loader.into_documents();
        if documents.len() > 1 {
            let message = "there is more than one YAML document: a line `---` begins another";
            return Err(Error::invalid(message));
        }
        let mut all = Fields::of(DOCUMENT, documents.first())?;
        let config = Self {
            tls: all.fields("tls_server_config")?.map_or(Ok(None), |one| read_tls(one, folder))?,
            headers: all.fields("http_server_config")?.map_or(Ok(Vec::new()), read_http)?,
            users: all.fields("basic_auth_users")?.map_or(Ok(BTreeMap::new()), read_users)?,
            rate: all.fields("rate_limit")?.map_or(Ok(None), read_rate)?,
        };
        all.finish()?;
        Ok(config)
    }
}

/// Reads a file that is no pipe, which could keep the server waiting, and not too large.
fn read_file(path: &Path) -> Result<Vec<u8>, Error> {
    let failed = |e: std::io::Error| Error::io("read the file", e).at(path);
    let mut options = File::options();
    options.read(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY);
    let file = options.open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    if !metadata.is_file() {
        return Err(Error::invalid("not a regular file").at(path));
    }
    let mut bytes = Vec::new();
    file.take(MOST_BYTES.saturating_add(1)).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(Error::invalid("longer than a mebibyte").at(path));
    }
    Ok(bytes)
}

/// The members of a mapping, which are taken by name.
struct Fields<'a> {
    /// Where the mapping is, for messages.
    place: String,
    left: BTreeMap<String, &'a Yaml<'a>>,
}

impl<'a> Fields<'a> {
    /// What is empty has no members.
    fn of(place: &str, node: Option<&'a Yaml<'a>>) -> Result<Self, Error> {
        let mut left = BTreeMap::new();
        match node {
            None => {}
            Some(node) if is_nothing(node) => {}
            Some(Yaml::Mapping(members)) => {
                for (key, value) in members {
                    let key = text(key).ok_or_else(|| {
                        Error::invalid(format!("`{place}` has a key that is not text"))
                    })?;
                    left.insert(key.to_owned(), value);
                }
            }
            Some(_) => return Err(Error::invalid(format!("`{place}` is not a mapping"))),
        }
        Ok(Self { place: place.to_owned(), left })
    }

    fn place(&self, name: &str) -> String {
        if self.place == DOCUMENT { name.to_owned() } else { format!("{}.{name}", self.place) }
    }

    fn take(&mut self, name: &str) -> Option<&'a Yaml<'a>> {
        self.left.remove(name).filter(|node| !is_nothing(node))
    }

    /// A mapping below this one. `None` if it is not there.
    fn fields(&mut self, name: &str) -> Result<Option<Self>, Error> {
        let place = self.place(name);
        self.left.remove(name).map(|node| Self::of(&place, Some(node))).transpose()
    }

    /// Text; `None` if it is empty, as in the files of those who leave a default to be filled in.
    fn text(&mut self, name: &str) -> Result<Option<String>, Error> {
        let place = self.place(name);
        let Some(node) = self.take(name) else { return Ok(None) };
        let text = text(node).ok_or_else(|| Error::invalid(format!("`{place}` is not text")))?;
        Ok(Some(text.to_owned()).filter(|text| !text.is_empty()))
    }

    fn boolean(&mut self, name: &str) -> Result<Option<bool>, Error> {
        let place = self.place(name);
        match self.text(name)?.as_deref() {
            None => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(_) => Err(Error::invalid(format!("`{place}` is neither true nor false"))),
        }
    }

    fn list(&mut self, name: &str) -> Result<Vec<String>, Error> {
        let place = self.place(name);
        let wrong = || Error::invalid(format!("`{place}` is not a list of texts"));
        match self.take(name) {
            None => Ok(Vec::new()),
            Some(Yaml::Sequence(items)) => {
                items.iter().map(|item| text(item).map(str::to_owned).ok_or_else(wrong)).collect()
            }
            Some(_) => Err(wrong()),
        }
    }

    /// Refuses what nobody has taken.
    fn finish(self) -> Result<(), Error> {
        match self.left.keys().next() {
            None => Ok(()),
            Some(name) => Err(Error::invalid(format!("`{}` is not supported", self.place(name)))),
        }
    }
}

fn text<'a>(node: &'a Yaml<'_>) -> Option<&'a str> {
    match node {
        Yaml::Representation(text, _, None) => Some(text),
        _ => None,
    }
}

fn is_nothing(node: &Yaml<'_>) -> bool {
    match node {
        Yaml::Representation(text, ScalarStyle::Plain, None) => {
            ["", "~", "null"].contains(&&**text)
        }
        _ => false,
    }
}

fn read_tls(mut fields: Fields<'_>, folder: &Path) -> Result<Option<Tls>, Error> {
    // Text in place, or a file beside the configuration.
    let pem = |fields: &mut Fields<'_>, name: &str| -> Result<Option<Vec<u8>>, Error> {
        let in_file = format!("{name}_file");
        match (fields.text(name)?, fields.text(&in_file)?) {
            (Some(_), Some(_)) => {
                let [inline, file] = [fields.place(name), fields.place(&in_file)];
                Err(Error::invalid(format!("there are both `{inline}` and `{file}`")))
            }
            (Some(text), None) => Ok(Some(text.into_bytes())),
            (None, Some(file)) => read_file(&folder.join(PathBuf::from(file))).map(Some),
            (None, None) => Ok(None),
        }
    };
    let certificate = pem(&mut fields, "cert")?;
    let key = pem(&mut fields, "key")?;
    let client_ca = pem(&mut fields, "client_ca")?;
    let client_auth = fields.text("client_auth_type")?;
    let client_auth = ClientAuth::parse(client_auth.as_deref().unwrap_or("NoClientCert"))?;
    let allowed_sans = fields.list("client_allowed_sans")?;
    let min_version = fields.text("min_version")?;
    let max_version = fields.text("max_version")?;
    let cipher_suites = fields.list("cipher_suites")?;
    let curves = fields.list("curve_preferences")?;
    let server_order = fields.boolean("prefer_server_cipher_suites")?.unwrap_or(true);
    fields.finish()?;
    let (certificate, key) = match (certificate, key) {
        (Some(certificate), Some(key)) => (certificate, key),
        (None, Some(_)) => return Err(Error::invalid("there is neither `cert` nor `cert_file`")),
        (Some(_), None) => return Err(Error::invalid("there is neither `key` nor `key_file`")),
        (None, None) => {
            let message = "`tls_server_config` has neither a certificate nor a key";
            return Err(Error::invalid(message));
        }
    };
    Tls::new(
        &certificate,
        &key,
        client_ca.as_deref(),
        client_auth,
        allowed_sans,
        [min_version.as_deref().unwrap_or("TLS12"), max_version.as_deref().unwrap_or("TLS13")],
        &cipher_suites,
        &curves,
        server_order,
    )
    .map(Some)
}

/// The headers that may be set, and the values that they may have. Empty: any.
const HEADERS: [(&str, &[&str]); 5] = [
    ("Content-Security-Policy", &[]),
    ("X-Frame-Options", &["deny", "sameorigin"]),
    ("X-Content-Type-Options", &["nosniff"]),
    ("X-XSS-Protection", &[]),
    ("Strict-Transport-Security", &[]),
];

fn read_http(mut fields: Fields<'_>) -> Result<Vec<(HeaderName, HeaderValue)>, Error> {
    // A client chooses between the versions that the server offers, and this one offers HTTP/1.1:
    // neither value promises more.
    fields.boolean("http2")?;
    let mut headers = Vec::new();
    if let Some(mut given) = fields.fields("headers")? {
        for (name, values) in HEADERS {
            let Some(value) = given.text(name)? else { continue };
            let is_known = values.iter().any(|known| value.eq_ignore_ascii_case(known));
            let place = given.place(name);
            if !values.is_empty() && !is_known {
                return Err(Error::invalid(format!("`{place}` is none of {}", values.join(", "))));
            }
            let value = HeaderValue::from_str(&value).map_err(|_| {
                Error::invalid(format!("`{place}` cannot be the value of a header"))
            })?;
            // A constant of ours.
            headers.extend(name.parse().ok().map(|name: HeaderName| (name, value)));
        }
        given.finish()?;
    }
    fields.finish()?;
    Ok(headers)
}

fn read_users(mut fields: Fields<'_>) -> Result<BTreeMap<String, String>, Error> {
    let names: Vec<String> = fields.left.keys().cloned().collect();
    let mut users = BTreeMap::new();
    for name in names {
        let hash = fields.text(&name)?.unwrap_or_default();
        // The hash is a secret, so it is not in the message.
        if hash.parse::<bcrypt::HashParts>().is_err() {
            let place = fields.place(&name);
            return Err(Error::invalid(format!("`{place}` is not a hash of bcrypt")));
        }
        users.insert(name, hash);
    }
    Ok(users)
}

fn read_rate(mut fields: Fields<'_>) -> Result<Option<Rate>, Error> {
    let interval = fields.text("interval")?.unwrap_or_else(|| "0".to_owned());
    let interval = duration(&interval)
        .ok_or_else(|| Error::invalid("`rate_limit.interval` is not a duration, such as 1s"))?;
    let burst = fields.text("burst")?.unwrap_or_else(|| "0".to_owned());
    let burst =
        burst.parse().map_err(|_| Error::invalid("`rate_limit.burst` is not a whole number"))?;
    fields.finish()?;
    Ok(Some(Rate { interval, burst }).filter(|rate| !rate.interval.is_zero()))
}

/// A duration as Prometheus writes it: `1m30s`.
fn duration(text: &str) -> Option<Duration> {
    if text == "0" {
        return Some(Duration::ZERO);
    }
    let mut rest = text;
    let mut whole = Duration::ZERO;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let (number, after) = rest.split_at(digits);
        let letters = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, after) = after.split_at(letters);
        let millis: u64 = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            "w" => 604_800_000,
            "y" => 31_536_000_000,
            _ => return None,
        };
        let part = Duration::from_millis(number.parse::<u64>().ok()?.checked_mul(millis)?);
        whole = whole.checked_add(part)?;
        rest = after;
    }
    (!text.is_empty()).then_some(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_those_of_prometheus() {
        for (text, millis) in
            [("0", Some(0)), ("1s", Some(1_000)), ("1m30s", Some(90_000)), ("250ms", Some(250))]
        {
            assert_eq!(duration(text), millis.map(Duration::from_millis), "{text}");
        }
        for wrong in ["", "1", "s", "-1s", "1.5s", "1 s", "99999999999999999999y"] {
            assert_eq!(duration(wrong), None, "{wrong}");
        }
    }
}
