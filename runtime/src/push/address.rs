//! The address of a group at a Pushgateway: `<gateway>/metrics/job/<job>/<label>/<value>..`.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;

use crate::error::Error;

/// Makes the address. `job` is the job's name, `grouping` the other labels of the group.
pub(super) fn of_group(
    gateway: &str,
    job: &str,
    grouping: &[(String, String)],
) -> Result<String, Error> {
    if job.is_empty() {
        return Err(Error::invalid("a push needs the name of a job"));
    }
    let mut address = of_gateway(gateway)?;
    address.push_str("/metrics");
    let job = [("job", job)].into_iter();
    let others = grouping.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    for (number, (name, value)) in job.chain(others).enumerate() {
        if number > 0 && !is_grouping_label(name) {
            return Err(Error::invalid(format!(
                "`{name}` can't be a label of a group at a Pushgateway"
            )));
        }
        address.push('/');
        address.push_str(name);
        add_value(&mut address, value);
    }
    Ok(address)
}

/// The gateway's own address, checked and without a slash at its end.
fn of_gateway(gateway: &str) -> Result<String, Error> {
    let has_scheme = ["http://", "https://"].iter().any(|scheme| gateway.starts_with(scheme));
    let address = match gateway.contains("://") {
        true if !has_scheme => {
            return Err(Error::invalid(format!(
                "{gateway}: the address is neither http:// nor https://"
            )));
        }
        true => gateway.to_owned(),
        false => format!("http://{gateway}"),
    };
    let address = address.trim_end_matches('/');
    let (_, rest) = address.split_once("//").unwrap_or_default();
    let host = rest.split('/').next().unwrap_or_default();
    if host.contains('@') {
        // It would be printed with every message.
        let message = "give the user and the password by `basic_auth`, not in the address";
        return Err(Error::invalid(message));
    }
    let is_plain = |c: char| c.is_ascii_graphic() && !"?#\"<>\\^`{|}".contains(c);
    if host.is_empty() || !rest.chars().all(is_plain) {
        return Err(Error::invalid(format!("{gateway}: not the address of a Pushgateway")));
    }
    Ok(address.to_owned())
}

/// The gateway's own rule: a label's name that is neither reserved nor the job.
fn is_grouping_label(name: &str) -> bool {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && !name.starts_with("__")
        && name.chars().all(is_word)
        && name != "job"
}

/// A value as a part of the path. A gateway answers `//` with a redirect, and takes `%2F` for a
/// slash, so everything but plain words is encoded.
fn add_value(address: &mut String, value: &str) {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._~-".contains(c);
    // A path with a part of dots is another path.
    let is_dots = value.chars().all(|c| c == '.');
    if !is_dots && value.chars().all(is_plain) {
        address.push('/');
        address.push_str(value);
    } else {
        address.push_str("@base64/");
        // An empty value must not end the path.
        address.push_str(if value.is_empty() { "=" } else { "" });
        URL_SAFE.encode_string(value, address);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(gateway: &str, job: &str, grouping: &[(&str, &str)]) -> Result<String, Error> {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        of_group(gateway, job, &grouping.iter().map(owned).collect::<Vec<_>>())
    }

    #[test]
    fn a_group_is_a_path_of_plain_words_or_base64() {
        for (gateway, job, grouping, expected) in [
            ("http://gw:9091", "nightly", &[][..], "http://gw:9091/metrics/job/nightly"),
            ("gw:9091/", "a.b-c~d_1", &[], "http://gw:9091/metrics/job/a.b-c~d_1"),
            (
                "https://gw/push/",
                "n",
                &[("instance", "web1"), ("zone", "")],
                "https://gw/push/metrics/job/n/instance/web1/zone@base64/=",
            ),
            // The examples of the Pushgateway's documentation.
            (
                "http://gw",
                "directory_cleaner",
                &[("path", "/var/tmp")],
                "http://gw/metrics/job/directory_cleaner/path@base64/L3Zhci90bXA=",
            ),
            (
                "http://gw",
                "titan",
                &[("name", "Προμηθεύς")],
                "http://gw/metrics/job/titan/name@base64/zqDPgc6_zrzOt864zrXPjc-C",
            ),
            ("http://gw", "a b", &[], "http://gw/metrics/job@base64/YSBi"),
            ("http://gw", "..", &[], "http://gw/metrics/job@base64/Li4="),
        ] {
            assert_eq!(address(gateway, job, grouping).unwrap(), expected);
        }
    }

    #[test]
    fn what_no_gateway_could_understand_is_refused() {
        for (gateway, job, grouping) in [
            ("http://gw", "", &[][..]),
            ("", "n", &[]),
            ("http://", "n", &[]),
            ("ftp://gw", "n", &[]),
            ("http://gw?x", "n", &[]),
            ("http://g w", "n", &[]),
            ("http://gw\r\nx: y", "n", &[]),
            ("http://gw", "n", &[("job", "m")]),
            ("http://gw", "n", &[("", "m")]),
            ("http://gw", "n", &[("1a", "m")]),
            ("http://gw", "n", &[("__a", "m")]),
            ("http://gw", "n", &[("a/b", "m")]),
        ] {
            assert!(address(gateway, job, grouping).unwrap_err().is_invalid(), "{gateway} {job}");
        }
        let refused = address("http://me:secret@gw", "n", &[]).unwrap_err().to_string();
        assert!(!refused.contains("secret"), "{refused}");
    }
}
