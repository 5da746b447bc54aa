//! The page for people, in a real browser: what it shows, what it asks for, and what hostile values
//! and many processes do to it.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use headcount_tests::browser::Browser;
use headcount_tests::child::{Child, reported};
use headcount_tests::http::Connection;
use headcount_tests::{Medium, eventually, is_long, temporary_directory};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use tempfile::TempDir;

/// A shop with its workers and its page.
struct Shop {
    // In this order: the processes end before their directory goes.
    master: Child,
    folder: TempDir,
}

impl Shop {
    fn open(workers: usize, items: usize) -> Self {
        let folder = temporary_directory(Medium::Memory);
        Self::in_directory(workers, items, folder)
    }

    fn in_directory(workers: usize, items: usize, folder: TempDir) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_shop"));
        command.arg(folder.path()).arg(workers.to_string()).arg(items.to_string());
        let master = Child::start(&mut command);
        eventually("it serves", || master.output().contains("serving ").then_some(()));
        Self { master, folder }
    }

    fn address(&self) -> String {
        format!("http://{}/", reported(&self.master.output(), "serving "))
    }

    fn workers(&self) -> Vec<Pid> {
        let output = self.master.output();
        let pids = output.lines().filter_map(|line| line.strip_prefix("worker ")?.parse().ok());
        pids.map(Pid::from_raw).collect()
    }

    fn state(&self) -> Value {
        let address = reported(&self.master.output(), "serving ").parse().expect("an address");
        let mut connection = Connection::open(address).expect("it accepts");
        let answer = connection.get("/api/state").expect("an answer");
        assert_eq!(answer.status, 200, "{}", answer.body);
        serde_json::from_str(&answer.body).expect("JSON")
    }
}

/// Script of the page that its tests use.
const TOOLS: &str = "
    window.rows = id => [...document.querySelectorAll(`#${id} tbody tr:not(.spacer)`)];
    window.texts = id => rows(id).map(row => row.textContent);
    window.fold = name => [...document.querySelectorAll('#families .fold')]
        .find(fold => fold.textContent === name);
    window.tile = at => document.querySelectorAll('.tile')[at];
    window.lines = node => [...node.querySelectorAll('.spark path')]
        .map(path => path.getAttribute('d') ?? '').join();
    window.polls = () => performance.getEntriesByName('poll').length;
    true";

/// The page, when it has shown two answers.
fn look_at(shop: &Shop, query: &str) -> Browser {
    let mut browser = Browser::start();
    browser.resize(1440, 900);
    browser.open(&format!("{}{query}", shop.address()));
    browser.eventually("document.readyState === 'complete'");
    browser.evaluate(TOOLS);
    browser.eventually("polls() >= 2");
    browser
}

fn assert_silent(browser: &mut Browser, shop: &Shop) {
    assert_eq!(browser.complaints(), [""; 0]);
    let foreign: Vec<String> = browser
        .requests()
        .into_iter()
        .filter(|address| !address.starts_with(&shop.address()) && address != "data:,")
        .collect();
    assert_eq!(foreign, [""; 0]);
}

fn picture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/pictures").join(name)
}

#[test]
#[ignore = "needs the peer chromium"]
fn the_page_shows_what_is_counted_and_follows_it() {
    let shop = Shop::open(6, 40);
    let mut browser = look_at(&shop, "");

    // Charts move from poll to poll, and so do numbers.
    browser.evaluate("window.before = lines(tile(1))");
    browser.eventually("lines(tile(1)).includes('L') && lines(tile(1)) !== before");
    browser.eventually("/^[0-9]/.test(tile(1).querySelector('.value').textContent)");
    browser.eventually("tile(0).querySelector('.value').textContent === '7'");
    browser.eventually("texts('functions').some(text => text.includes('checkout'))");
    // Every twentieth order is refused.
    browser.eventually("texts('functions').some(text => /checkout.*[0-9]\u{2009}%/.test(text))");
    // p50 and p99 of what is timed.
    browser.eventually(
        "texts('functions').every(text => text.includes('\u{b5}s') || text.includes('ms'))",
    );
    // Every family, with its help.
    let families = shop.state()["families"].as_array().expect("a list").len();
    browser.eventually(&format!("rows('families').length === {families}"));
    browser.eventually("texts('families').some(text => text.includes('Orders that wait'))");

    // A killed worker is dead within a poll: the first that is asked for after its death.
    let worker = shop.workers()[2];
    kill(worker, Signal::SIGKILL).expect("it lives");
    eventually("the kernel has ended it", || {
        let state = shop.state();
        let list = state["processes"]["list"].as_array().expect("a list");
        let is_it = |one: &&Value| one["pid"] == json!(worker.as_raw());
        (list.iter().find(is_it).expect("listed")["state"] == "dead").then_some(())
    });
    // One that was asked for before the death may arrive first; the next one knows.
    browser.evaluate("window.at = polls()");
    browser.eventually("polls() >= at + 2");
    let dead = format!(
        "texts('processes').some(text => text.startsWith('{worker}') && text.includes('dead'))"
    );
    assert_eq!(browser.evaluate(&dead), json!(true), "{}", browser.evaluate("texts('processes')"));
    assert_eq!(browser.evaluate("tile(0).querySelector('.value').textContent"), json!("6"));
    assert_silent(&mut browser, &shop);
}

#[test]
#[ignore = "needs the peer chromium"]
fn it_is_searched_and_walked_through_by_the_keyboard() {
    let shop = Shop::open(3, 20);
    let mut browser = look_at(&shop, "");
    // A word of a label's value.
    browser.press("/");
    browser.type_text("tea");
    browser.eventually("rows('families').length === 1 && texts('families')[0].includes('search_')");
    browser.eventually("new URLSearchParams(location.search).get('q') === 'tea'");
    // A pid filters processes, and no families.
    let worker = shop.workers()[1];
    browser.evaluate("document.querySelector('#query').select()");
    browser.type_text(&worker.to_string());
    browser.eventually(&format!(
        "rows('processes').length === 1 && texts('processes')[0].startsWith('{worker}')"
    ));
    browser.eventually("rows('families').length > 10");
    browser.press("Escape");
    browser.eventually("rows('processes').length === 4 && location.search === ''");

    // To the third family and back to the second, which unfolds.
    for key in ["j", "j", "j", "k", "Enter"] {
        browser.press(key);
    }
    browser.eventually("document.querySelectorAll('.details').length === 1");
    browser.eventually("new URLSearchParams(location.search).getAll('open').length === 1");
    browser.evaluate("document.activeElement.blur()");

    // A histogram unfolded: chart, buckets, queries, series; and its address shows it again.
    browser.evaluate("fold('upload_size_bytes').click()");
    browser.eventually(
        "[...document.querySelectorAll('.details')].some(one => /histogram_quantile\\(0.99/.test(one.textContent))",
    );
    browser.eventually("document.querySelectorAll('.bars > div').length > 0");
    browser.eventually("document.querySelectorAll('.series tbody tr').length >= 3");
    browser.eventually("new URLSearchParams(location.search).getAll('open').length === 2");
    let address = browser.evaluate("location.href");
    browser.open(address.as_str().expect("an address"));
    browser.eventually("document.querySelectorAll('.details').length === 2");
    browser.evaluate(TOOLS);

    // Cardinality, and paused: nothing is asked for.
    browser.evaluate("document.activeElement.blur()");
    browser.press("v");
    browser.eventually("texts('families')[0].startsWith('items_sold_total') && texts('families')[0].includes('item 20')");
    browser.press("p");
    browser.eventually("document.querySelector('#pulse').textContent.startsWith('Paused')");
    browser.press("p");
    browser.eventually("document.querySelector('#pulse').textContent.startsWith('Live')");
    assert_silent(&mut browser, &shop);
}

#[test]
#[ignore = "needs the peer chromium"]
fn quantiles_of_native_histograms_come_from_their_native_buckets() {
    let shop = Shop::open(3, 20);
    let state = shop.state();
    let families = state["families"].as_array().expect("a list");
    let baskets = families.iter().find(|family| family["name"] == "basket_grams").expect("there");
    // Bounds are those of the family, and 8 buckets for each power of two.
    let native = &baskets["series"][0][1];
    assert_eq!((&native[3], &native[4][0]), (&Value::Null, &json!(3)), "{baskets}");
    let mut browser = look_at(&shop, "");
    browser.evaluate("fold('basket_grams').click()");
    // All values are in three buckets from 279 to 332 grams; classic ones reach from 256 to 1024.
    for (quantile, least, most) in [("p50", 279, 332), ("p99", 304, 332)] {
        browser.eventually(&format!(
            "[...document.querySelectorAll('.details .legend')].some(one => {{
                const number = '([0-9.]+)[^0-9.,]*';
                const text = new RegExp(`{quantile} ${{number}}\\\\(${{number}} to ${{number}}\\\\)`);
                const found = text.exec(one.textContent)?.slice(1).map(Number);
                if (!found) return false;
                const [value, low, high] = found;
                return {least} <= low && low <= value && value <= high && high <= {most};
            }})"
        ));
    }
    // A schema that fell between two polls, and a value without a bucket.
    browser.evaluate("import('/page/native.js').then(found => { window.native = found; }); true");
    browser.eventually("window.native !== undefined");
    let fine = "[1, 0.5, 1, 0, [3, 5, 4, 2], [3, 1]]";
    for (script, expected) in [
        (format!("nativeIncrease([0, 0.5, 1, 0, [2, 10], [2, 1]], {fine})"), json!([[2, 4, 3]])),
        (format!("nativeIncrease([0, 0.5, 1, 1, [2, 10], [2, 1]], {fine})"), Value::Null),
        (
            "joined([[2, 4, 1], [-4, -2, 1], [2, 2 ** 1.5, 3]])".to_owned(),
            json!([[-4, -2, 1], [2, 4, 4]]),
        ),
        (
            "withoutGaps([[-4, -2, 1], [2, 4, 4], [4, 8, 1]])".to_owned(),
            json!([[-4, -2, 2, 4, 8], [0, 1, 0, 4, 1]]),
        ),
    ] {
        let found = browser.evaluate(&format!("JSON.stringify(window.native.{script})"));
        assert_eq!(found, json!(expected.to_string()), "{script}");
    }
    // And those of each series.
    browser.eventually(
        "[...document.querySelectorAll('.details .series tbody tr')].some(row => {
            const [, p50, p99] = [...row.querySelectorAll('.number')].map(one => parseFloat(one.textContent));
            return 279 <= p50 && p50 <= p99 && p99 <= 332;
        })",
    );
    assert_silent(&mut browser, &shop);
}

#[test]
#[ignore = "needs the peer chromium"]
fn one_process_is_shown_alone() {
    let shop = Shop::open(3, 20);
    let mut browser = look_at(&shop, "");
    let worker = shop.workers()[0];
    // A worker sells; the master does not, and has no such series.
    let click = |pid: Pid| {
        format!(
            "rows('processes').find(row => row.textContent.startsWith('{pid}')).querySelector('button').click()"
        )
    };
    browser.evaluate(&click(worker));
    browser.eventually(&format!(
        "document.querySelector('#only').textContent.includes('process {worker} ')"
    ));
    browser.eventually("texts('families').some(text => text.startsWith('items_sold_total'))");
    // The collector's own families are not the process's.
    browser.eventually("!texts('families').some(text => text.startsWith('headcount_'))");
    browser.eventually("rows('processes').length === 4");
    browser.evaluate(&click(shop.master.pid()));
    browser.eventually(
        "texts('families').some(text => /^items_sold_total.*counter0/.test(text)) || !texts('families').some(text => text.startsWith('items_sold_total'))",
    );
    browser.press("Escape");
    browser.eventually("texts('families').some(text => text.startsWith('headcount_'))");
    assert_eq!(browser.evaluate("document.querySelector('#only').hidden"), json!(true));
    // An instance that is none.
    browser.open(&format!("{}?process=no-such", shop.address()));
    browser.evaluate(TOOLS);
    browser.eventually(
        "document.querySelector('#only').textContent.includes('whose segment is gone')",
    );
    assert_silent(&mut browser, &shop);
}

#[test]
#[ignore = "needs the peer chromium"]
fn hostile_text_is_shown_and_nothing_else() {
    let folder = temporary_directory(Medium::Memory);
    // The name of a file is hostile text, too; so is its directory's.
    let name = "<img src=x onerror=alert(4)>.hc";
    std::fs::write(folder.path().join(name), "no segment").expect("ours");
    let shop = Shop::in_directory(2, 5, folder);
    let mut browser = look_at(&shop, "?open=search_terms_total&q=%3Cimg%20onerror=alert(5)%3E");
    browser.press("Escape");
    browser
        .eventually("document.querySelector('#problems').textContent.includes('onerror=alert(4)')");
    browser.eventually("document.querySelectorAll('.series tbody tr').length >= 9");
    let shown = browser.evaluate("document.querySelector('.series').textContent");
    let shown = shown.as_str().expect("text");
    for text in [
        "term=<img src=x onerror=alert(1)>",
        "</script><script>alert(2)</script>",
        "\\u{202e}gnp.exe",
        "line\\nbreak",
        "zero\\u{200b}width",
        "javascript:alert(3)",
    ] {
        assert!(shown.contains(text), "{text}: {shown}");
    }
    let made = "document.querySelectorAll('img, iframe, object, script:not([src]), [onerror], a[href^=java]').length";
    assert_eq!(browser.evaluate(made), json!(0));
    // The policy itself: neither a script nor a style that is written into the page is obeyed.
    let refused = browser.evaluate(
        "(() => { try { document.body.innerHTML = '<b>x</b>'; return 'made'; } catch { return 'refused'; } })()",
    );
    assert_eq!(refused, json!("refused"));
    let fetched = "fetch('http://127.0.0.2:1/').then(() => 'sent', error => 'refused')";
    browser.forget();
    assert_eq!(browser.evaluate(fetched), json!("refused"));
    assert!(browser.complaints().iter().any(|one| one.contains("Content Security Policy")));
    drop(shop.folder);
}

#[test]
#[ignore = "needs the peer chromium"]
fn an_exporter_that_is_gone_is_told_and_comes_back() {
    let shop = Shop::open(1, 3);
    let mut browser = look_at(&shop, "");
    // A process that is stopped accepts connections, and answers nothing.
    kill(shop.master.pid(), Signal::SIGSTOP).expect("it lives");
    browser.eventually("!document.querySelector('#failure').hidden");
    browser.eventually("document.querySelector('#failure').textContent.includes('is shown is')");
    browser.eventually("document.title.startsWith('\u{2715}')");
    kill(shop.master.pid(), Signal::SIGCONT).expect("it lives");
    browser.evaluate("document.querySelector('#failure button').click()");
    browser.eventually("document.querySelector('#failure').hidden");
    // Once a killed one is started anew at its address, the page goes on by itself.
    drop(shop);
    browser.eventually("!document.querySelector('#failure').hidden");
    browser.eventually("document.querySelector('#main').classList.contains('is-old')");
    // Nothing else was asked for meanwhile, and nothing but lost connections is in the console.
    for complaint in browser.complaints() {
        assert!(complaint.contains("ERR_"), "{complaint}");
    }
}

#[test]
#[ignore = "needs the peer chromium"]
fn a_directory_that_cannot_be_read_is_the_reason_that_is_shown() {
    let folder = temporary_directory(Medium::Memory);
    let directory = folder.path().join("later");
    let collector = headcount::Collector::from_directory(&directory);
    let server = headcount::Server::new("127.0.0.1:0").collector(collector);
    let serving = server.start().expect("it listens");
    let mut browser = Browser::start();
    browser.open(&format!("http://{}/", serving.addresses()[0]));
    browser.eventually("document.querySelector('#failure')?.textContent.includes('later: can')");
    std::fs::create_dir(&directory).expect("ours");
    browser.eventually("document.querySelector('#failure').hidden");
    browser
        .eventually("document.querySelector('#problems').textContent.includes('Nothing counts')");
    serving.stop();
}

#[test]
#[ignore = "needs the peer chromium"]
fn it_fits_every_width_and_both_themes() {
    let shop = Shop::open(2, 30);
    let mut browser = look_at(&shop, "?open=function_calls_duration_seconds");
    for scheme in ["light", "dark"] {
        browser.prefer(scheme);
        for width in [360, 600, 768, 1024, 1280, 1920] {
            browser.resize(width, 900);
            // No part of the page is reached by scrolling sideways.
            browser.eventually(&format!(
                "innerWidth === {width} && document.documentElement.scrollWidth <= {width}"
            ));
        }
        let ground = browser.evaluate("getComputedStyle(document.body).backgroundColor");
        let expected = if scheme == "light" { "rgb(246, 247, 249)" } else { "rgb(14, 17, 21)" };
        assert_eq!(ground, json!(expected));
    }
    // Everything that acts can be reached by the keyboard, and has a name.
    let nameless = browser.evaluate(
        "[...document.querySelectorAll('button, a, input')].filter(node => !(node.textContent.trim() || node.getAttribute('aria-label') || node.labels?.length)).length",
    );
    assert_eq!(nameless, json!(0));
    assert_silent(&mut browser, &shop);
}

/// Script that a poll costs, in milliseconds: seen, and not asserted, since other programs run.
#[test]
#[ignore = "needs the peer chromium"]
fn it_is_usable_with_many_series_and_processes() {
    let (workers, items) = if is_long() { (200, 1_000) } else { (40, 1_000) };
    let shop = Shop::open(workers, items);
    let mut browser = look_at(&shop, "?open=items_sold_total");
    let polls = if is_long() { 15 } else { 5 };
    browser.eventually(&format!("polls() >= {polls}"));
    let costs = browser.evaluate("performance.getEntriesByName('poll').map(one => one.duration)");
    let mut costs: Vec<f64> =
        costs.as_array().expect("a list").iter().filter_map(Value::as_f64).collect();
    costs.sort_by(f64::total_cmp);
    let bytes = browser.evaluate(
        "performance.getEntriesByType('resource').filter(one => one.name.includes('state')).at(-1).decodedBodySize",
    );
    let nodes = browser.evaluate("document.querySelectorAll('*').length");
    let mut report = String::new();
    let (median, most) = (costs[costs.len() / 2], costs[costs.len() - 1]);
    let _ = write!(
        report,
        "{workers} processes, {items} series of one family, {} polls: script",
        costs.len()
    );
    let _ =
        write!(report, " {median:.1} ms (most {most:.1}); {bytes} bytes of JSON, {nodes} nodes");
    println!("{report}");
    // All processes are there, of which only those in the window have rows.
    browser
        .eventually(&format!("tile(0).querySelector('.value').textContent === '{}'", workers + 1));
    assert!(browser.evaluate("rows('processes').length").as_u64().expect("a number") < 40);
    browser.evaluate("document.querySelector('#processes .scroll').scrollTop = 1e6");
    browser.eventually(&format!(
        "rows('processes').at(-1).getAttribute('aria-rowindex') === '{}'",
        workers + 2
    ));
    browser.eventually(&format!(
        "texts('families').some(text => /items_sold_total.*{items}/.test(text.replace(',', '')))"
    ));
    assert_silent(&mut browser, &shop);
}

/// The pictures of the documentation. `HEADCOUNT_UPDATE=1` puts the one of the README in its place.
#[test]
#[ignore = "needs the peer chromium"]
fn the_picture_of_the_readme() {
    let folder = temporary_directory(Medium::Memory);
    std::fs::write(folder.path().join("4711-stray.hc"), "no segment").expect("ours");
    let shop = Shop::in_directory(12, 40, folder);
    let mut browser = look_at(&shop, "");
    let polls = if updates() { 30 } else { 4 };
    kill(shop.workers()[3], Signal::SIGKILL).expect("it lives");
    browser.eventually(&format!("polls() >= {polls}"));
    // The directory's name differs from run to run.
    browser.evaluate("document.querySelector('#directory').textContent = '/dev/shm/shop'");
    browser.evaluate("document.querySelectorAll('.problem bdi').forEach(one => one.textContent = '/dev/shm/shop/4711-stray.hc')");
    std::fs::create_dir_all(picture("")).expect("ours");
    let light = picture("page-light.png");
    browser.save_picture(&light);
    assert!(std::fs::metadata(&light).expect("saved").len() > 10_000);
    if updates() {
        let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../runtime/docs/page.png");
        std::fs::copy(&light, readme).expect("ours");
    }
    browser.prefer("dark");
    browser.save_picture(&picture("page-dark.png"));
}

fn updates() -> bool {
    #[expect(clippy::disallowed_methods, reason = "asks for the pictures")]
    std::env::var_os("HEADCOUNT_UPDATE").is_some()
}
