//! Where the service is: addresses in the written form that people configure.
//!
//! An [`Endpoint`] was checked when it was made; connecting to it can fail, naming it
//! cannot. This module opens no connection.

use std::fmt;
use std::str::FromStr;

use crate::Error;

/// The most endpoints that one client takes.
pub const ENDPOINTS_MAX: usize = 64;

/// One address of the service: `http://HOST:PORT` or `unix:PATH`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Endpoint {
    written: String,
}

/// The addresses of a service, 1 to 64 of them, in order of preference. Written, they
/// are separated by commas.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Endpoints {
    all: Vec<Endpoint>,
}

impl Endpoint {
    /// The address as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.written
    }
}

impl FromStr for Endpoint {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let text = text.trim();
        let wrong = |why: &str| {
            Error::invalid(
                "endpoint",
                format!("{text:?}: {why}; write http://HOST:PORT or unix:PATH"),
            )
        };
        if let Some(path) = text.strip_prefix("unix:") {
            if path.is_empty() || path == "//" {
                return Err(wrong("the path is missing"));
            }
        } else {
            let uri: http::Uri = text.parse().map_err(|_| wrong("this is no address"))?;
            if uri.scheme_str() != Some("http") {
                return Err(wrong("the scheme is not known"));
            }
            if uri.host().is_none_or(str::is_empty) {
                return Err(wrong("the host is missing"));
            }
            // `http` takes any digits for a port, and gives a number only for one that can be.
            let port = uri.authority().and_then(|all| all.as_str().rsplit_once(uri.host()?));
            if port.is_some_and(|(_, port)| !port.is_empty() && uri.port_u16().unwrap_or(0) == 0) {
                return Err(wrong("the port is not from 1 to 65535"));
            }
            if uri.path() != "/" || uri.query().is_some() {
                return Err(wrong("an address has no path"));
            }
        }
        Ok(Self { written: text.to_owned() })
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

impl Endpoints {
    /// Takes endpoints in order of preference.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] when there are none or more than 64.
    pub fn new(all: Vec<Endpoint>) -> Result<Self, Error> {
        if all.is_empty() || all.len() > ENDPOINTS_MAX {
            let why = format!("{} endpoints; 1 to {ENDPOINTS_MAX} are accepted", all.len());
            return Err(Error::invalid("endpoints", why));
        }
        Ok(Self { all })
    }

    /// The endpoints, the preferred one first.
    #[must_use]
    pub fn as_slice(&self) -> &[Endpoint] {
        &self.all
    }
}

impl FromStr for Endpoints {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::new(text.split(',').map(str::parse).collect::<Result<_, _>>()?)
    }
}

impl From<Endpoint> for Endpoints {
    fn from(one: Endpoint) -> Self {
        Self { all: vec![one] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_both_kinds_are_accepted() {
        let all: Endpoints =
            "http://127.0.0.1:7420, unix:/run/tenure.sock,http://[::1]:1,http://host"
                .parse()
                .unwrap();
        let written: Vec<_> = all.as_slice().iter().map(Endpoint::as_str).collect();
        let expected =
            ["http://127.0.0.1:7420", "unix:/run/tenure.sock", "http://[::1]:1", "http://host"];
        assert_eq!(written, expected);
    }

    #[test]
    fn a_wrong_address_names_itself_and_the_accepted_form() {
        let forms = ["", "127.0.0.1:7420", "ftp://host", "unix:", "http://host/path", "http://"];
        let ports = ["http://host:99999", "http://host:0", "http://[::1]:70000", "http://host:"];
        for text in forms.into_iter().chain(ports) {
            let error = text.parse::<Endpoint>().unwrap_err().to_string();
            assert!(error.contains("unix:PATH"), "{text:?}: {error}");
        }
    }

    #[test]
    fn more_endpoints_than_the_bound_are_refused() {
        let one: Endpoint = "http://h:1".parse().unwrap();
        assert!(Endpoints::new(vec![one.clone(); ENDPOINTS_MAX]).is_ok());
        assert!(Endpoints::new(vec![one; ENDPOINTS_MAX + 1]).is_err());
        assert!(Endpoints::new(Vec::new()).is_err());
    }
}
