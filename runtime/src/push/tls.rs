//! Feature `tls`: the certificates that a push trusts.

use std::path::Path;
use std::sync::Arc;

use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};

use crate::error::Error;

/// Trusts the certificates in a file, or else those that the machine trusts.
pub(super) fn config(ca_file: Option<&Path>) -> Result<TlsConfig, Error> {
    let trusted = match ca_file {
        Some(path) => from_file(path)?,
        None => of_machine()?,
    };
    // Named here, since the process-wide default panics if two crates of a program choose two.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    Ok(TlsConfig::builder()
        .root_certs(RootCerts::new_with_certs(&trusted))
        .unversioned_rustls_crypto_provider(provider)
        .build())
}

fn from_file(path: &Path) -> Result<Vec<Certificate<'static>>, Error> {
    let text = std::fs::read(path).map_err(|e| Error::io("read the certificates", e).at(path))?;
    let mut trusted = Vec::new();
    for item in parse_pem(&text) {
        match item {
            Ok(PemItem::Certificate(certificate)) => trusted.push(certificate),
            Ok(_) => {}
            Err(e) => return Err(Error::invalid(e.to_string()).at(path)),
        }
    }
    if trusted.is_empty() {
        return Err(Error::invalid("there is no certificate in the file").at(path));
    }
    Ok(trusted)
}

fn of_machine() -> Result<Vec<Certificate<'static>>, Error> {
    let found = rustls_native_certs::load_native_certs();
    let trusted = found.certs.iter().map(|der| Certificate::from_der(der).to_owned());
    let trusted: Vec<_> = trusted.collect();
    if trusted.is_empty() {
        let why = found.errors.first().map(|e| format!(": {e}")).unwrap_or_default();
        return Err(Error::invalid(format!(
            "this machine trusts no certificates{why}; name a file of certificates"
        )));
    }
    Ok(trusted)
}
