//! A headless Chromium under a test's command: the `DevTools` protocol over two pipes, as JSON that
//! ends with a NUL. It needs no port, no websocket and no driver.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{Medium, SOON, peer, temporary_directory};

/// A running browser with one page.
#[derive(Debug)]
pub struct Browser {
    process: Child,
    commands: File,
    answers: Receiver<Value>,
    /// The number of the last command.
    last: u64,
    session: String,
    events: Vec<Value>,
    _profile: TempDir,
}

impl Browser {
    /// Starts the browser with an empty page.
    pub fn start() -> Self {
        let profile = temporary_directory(Medium::Disk);
        // Chromium expects the pipes as descriptors 3 and 4.
        let script = "exec 3<&0 4>&1 </dev/null >/dev/null 2>&1; exec \"$0\" \"$@\"";
        let mut process = Command::new("bash")
            .args(["-c", script])
            .arg(peer("chromium"))
            // Root has no other choice, and the page is our own.
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe"])
            .args(["--hide-scrollbars", "--force-color-profile=srgb", "--no-first-run"])
            .args(["--disable-background-networking", "--disable-dev-shm-usage"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg("about:blank")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("bash runs");
        let commands = File::from(OwnedFd::from(process.stdin.take().expect("a pipe")));
        let answers = read(process.stdout.take().expect("a pipe"));
        let session = String::new();
        let (last, events) = (0, Vec::new());
        let mut browser =
            Self { process, commands, answers, last, session, events, _profile: profile };
        let target = browser.call("Target.createTarget", &json!({"url": "about:blank"}));
        let attach = json!({"targetId": target["targetId"], "flatten": true});
        let session = browser.call("Target.attachToTarget", &attach);
        session["sessionId"].as_str().expect("a session").clone_into(&mut browser.session);
        for domain in ["Page", "Runtime", "Log", "Network", "Performance"] {
            browser.call(&format!("{domain}.enable"), &json!({}));
        }
        browser
    }

    /// Sends a command, and returns its result.
    pub fn call(&mut self, method: &str, parameters: &Value) -> Value {
        self.last += 1;
        let mut command = json!({"id": self.last, "method": method, "params": parameters});
        if !self.session.is_empty() {
            command["sessionId"] = json!(self.session);
        }
        let mut bytes = command.to_string().into_bytes();
        bytes.push(0);
        self.commands.write_all(&bytes).expect("the browser reads");
        loop {
            let answer = self.answers.recv_timeout(SOON);
            let answer = answer.unwrap_or_else(|e| panic!("no answer to {method}: {e}"));
            if answer["id"] == self.last {
                assert!(answer["error"].is_null(), "{method}: {answer}");
                return answer["result"].clone();
            }
            self.events.push(answer);
        }
    }

    /// Sets the size of the window, in pixels.
    pub fn resize(&mut self, width: u32, height: u32) {
        let size =
            json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        self.call("Emulation.setDeviceMetricsOverride", &size);
    }

    /// Chooses the light or the dark colours.
    pub fn prefer(&mut self, scheme: &str) {
        let scheme = json!([{"name": "prefers-color-scheme", "value": scheme}]);
        self.call("Emulation.setEmulatedMedia", &json!({"features": scheme}));
    }

    /// Opens an address.
    pub fn open(&mut self, address: &str) {
        self.call("Page.navigate", &json!({"url": address}));
    }

    /// The value of an expression of JavaScript.
    #[track_caller]
    pub fn evaluate(&mut self, expression: &str) -> Value {
        let parameters =
            json!({"expression": expression, "returnByValue": true, "awaitPromise": true});
        let result = self.call("Runtime.evaluate", &parameters);
        assert!(result["exceptionDetails"].is_null(), "{expression}: {result}");
        result["result"]["value"].clone()
    }

    /// Waits until an expression is true.
    #[track_caller]
    pub fn eventually(&mut self, expression: &str) {
        let begin = std::time::Instant::now();
        while self.evaluate(expression) != json!(true) {
            if begin.elapsed() > SOON {
                let text = self.evaluate("document.body.innerText");
                panic!(
                    "never: {expression}\n{}\n{:?}",
                    text.as_str().unwrap_or(""),
                    self.complaints()
                );
            }
            thread::sleep(std::time::Duration::from_millis(50));
        }
    }

    /// Presses a key.
    pub fn press(&mut self, key: &str) {
        let text = if key.chars().count() == 1 { key } else { "" };
        let text = if key == "Enter" { "\r" } else { text };
        for kind in ["keyDown", "keyUp"] {
            let event =
                json!({"type": kind, "key": key, "text": if kind == "keyUp" { "" } else { text }});
            self.call("Input.dispatchKeyEvent", &event);
        }
    }

    /// Types into whatever has the focus.
    pub fn type_text(&mut self, text: &str) {
        self.call("Input.insertText", &json!({"text": text}));
    }

    /// Saves a picture of the window as a PNG.
    pub fn save_picture(&mut self, path: &Path) {
        let picture = self.call("Page.captureScreenshot", &json!({"format": "png"}));
        let bytes = decoded(picture["data"].as_str().expect("a picture"));
        std::fs::write(path, bytes).expect("the picture is written");
    }

    /// What went wrong: exceptions that nobody caught, and whatever the console shows.
    pub fn complaints(&mut self) -> Vec<String> {
        self.evaluate("1");
        let complaints = self.events.iter().filter(|event| {
            let level = &event["params"]["entry"]["level"];
            match event["method"].as_str() {
                Some("Runtime.exceptionThrown" | "Runtime.consoleAPICalled") => true,
                Some("Log.entryAdded") => level == "error" || level == "warning",
                _ => false,
            }
        });
        complaints.map(|event| event["params"].to_string()).collect()
    }

    /// The addresses of all requests.
    pub fn requests(&mut self) -> Vec<String> {
        self.evaluate("1");
        let sent =
            self.events.iter().filter(|event| event["method"] == "Network.requestWillBeSent");
        sent.filter_map(|event| event["params"]["request"]["url"].as_str().map(str::to_owned))
            .collect()
    }

    /// Forgets what has happened.
    pub fn forget(&mut self) {
        self.evaluate("1");
        self.events.clear();
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Reads answers and events, until the browser ends.
fn read(pipe: impl Read + Send + 'static) -> Receiver<Value> {
    let (sender, answers) = channel();
    thread::spawn(move || {
        let mut pipe = BufReader::new(pipe);
        let mut message = Vec::new();
        while pipe.read_until(0, &mut message).is_ok_and(|read| read > 0) {
            message.pop();
            let parsed = serde_json::from_slice(&message).expect("JSON");
            message.clear();
            if sender.send(parsed).is_err() {
                return;
            }
        }
    });
    answers
}

/// Decodes base64.
fn decoded(text: &str) -> Vec<u8> {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut bytes = Vec::with_capacity(text.len() * 3 / 4);
    let (mut held, mut bits) = (0_u32, 0);
    for digit in text.bytes().filter_map(|byte| DIGITS.iter().position(|known| *known == byte)) {
        held = held << 6 | u32::try_from(digit).expect("below 64");
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from(held >> bits & 0xff).expect("a byte"));
        }
    }
    bytes
}
