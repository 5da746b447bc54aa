//! Values, keys and the table together.

use std::borrow::Cow;

use crate::declare::descriptor::Label;

use super::digest::Digest;
use super::strings::{parse, strings};
use super::*;

fn text(value: &impl LabelValue) -> String {
    let mut key = Key::new();
    key.value(value);
    parse(key.bytes()).next().unwrap().to_owned()
}

#[test]
fn values_read_as_their_types_are_written() {
    assert_eq!(text(&"a b"), "a b");
    assert_eq!(text(&-3_i64), "-3");
    assert_eq!(text(&0_u8), "0");
    assert_eq!(text(&i8::MIN), "-128");
    assert_eq!(text(&u64::MAX), u64::MAX.to_string());
    assert_eq!(text(&i64::MIN), i64::MIN.to_string());
    assert_eq!(text(&u128::MAX), u128::MAX.to_string());
    assert_eq!(text(&true), "true");
    assert_eq!(text(&Cow::Borrowed("x")), "x");
    assert_eq!(text(&'ü'), "ü");
    assert_eq!(text(&""), "");
}

#[test]
fn values_of_other_crates_read_as_they_are_displayed_and_are_found_again() {
    #[track_caller]
    fn reads(value: &impl LabelValue, expected: &str) {
        assert_eq!(text(value), expected);
        let mut key = Key::new();
        (value,).write_to(&mut LabelKey(&mut key));
        assert!((value,).are(key.bytes()) && (&expected,).are(key.bytes()));
        assert_eq!((value,).digests().as_ref(), (&expected,).digests().as_ref());
        if let Some(briefs) = (value,).briefs() {
            assert_eq!(briefs.as_ref(), (&expected,).digests().as_ref());
        }
    }
    reads(&Some("acme"), "acme");
    reads(&Some(7_u16), "7");
    reads(&Some(true), "true");
    reads(
        &Some("a text that is longer than a brief digest may be"),
        "a text that is longer than a brief digest may be",
    );
    reads(&None::<u8>, "");
    reads(&None::<bool>, "");
    reads(&std::net::Ipv4Addr::LOCALHOST, "127.0.0.1");
    reads(&std::net::IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1_u16]), "::1");
    reads(&display(format_args!("{}.{}", 1, 4)), "1.4");
    #[cfg(feature = "http")]
    {
        reads(&http::Method::GET, "GET");
        reads(&http::Method::from_bytes(b"PURGE").unwrap(), "PURGE");
        reads(&http::StatusCode::NOT_FOUND, "404");
    }
}

#[test]
fn a_long_value_is_cut_between_characters() {
    let long = "é".repeat(1000);
    assert_eq!(text(&long).len(), 1024);
    let odd = format!("a{long}");
    assert_eq!(text(&odd).len(), 1023);
}

#[test]
fn values_are_found_equal_only_to_themselves() {
    let mut key = Key::new();
    (&"ab", &7_u8).write_to(&mut LabelKey(&mut key));
    let given = key.bytes();
    assert!((&"ab", &7_u8).are(given) && (&String::from("ab"), &"7").are(given));
    assert!(!(&"a", &7_u8).are(given) && !(&"abc", &7_u8).are(given));
    assert!(!(&"ab", &77_u8).are(given) && !(&"ab", &"").are(given));
    assert!(!(&"ab",).are(given) && !(&"ab", &7_u8, &"").are(given));
    assert!(!(&"ab7", &"").are(given));
    assert_eq!((&"ab", &7_u8).digests().as_ref(), (&key).digests().as_ref());
    assert!((&"ab", &7_u8).briefs().is_some_and(|briefs| briefs == (&"ab", &7_u8).digests()));
}

/// A value that writes its text in pieces, as a user's type may.
struct InPieces(String);

impl LabelValue for InPieces {
    fn write_label(&self, out: &mut LabelWriter<'_>) {
        let (before, behind) = self.0.split_at(self.0.len() / 2);
        out.push_str(before);
        out.push_str(behind);
    }
}

#[test]
fn values_of_every_length_differ_from_those_that_differ_anywhere() {
    for len in (0..40).chain([1023, 1024, 1025]) {
        let value = "a".repeat(len);
        let mut key = Key::new();
        (&value,).write_to(&mut LabelKey(&mut key));
        assert!((&value,).are(key.bytes()), "{len}");
        assert!((&InPieces(value.clone()),).are(key.bytes()), "{len}");
        // Bytes beyond 1,024 are ignored.
        let step = if cfg!(miri) && len > 40 { 97 } else { 1 };
        for place in (0..len.min(1024)).step_by(step) {
            let mut other = value.clone();
            other.replace_range(place..=place, "b");
            assert!(!(&other,).are(key.bytes()), "{len}, {place}");
            assert_ne!((&value,).digests(), (&other,).digests(), "{len}, {place}");
        }
    }
}

#[test]
fn a_key_moves_to_the_heap_whole() {
    for len in [0, 1, 120, 124, 125, 126, 127, 128, 200] {
        let (a, b) = ("x".repeat(len), "yz");
        let mut key = Key::new();
        (&a, b).write_to(&mut LabelKey(&mut key));
        assert!(parse(key.bytes()).eq([a.as_str(), b]), "{len}");
    }
}

#[test]
fn constant_and_given_labels_keep_their_order() {
    const LABELS: &[Label] =
        &[Label::Open("a"), Label::Const("b", "two"), Label::Of("c", &["x", "three"])];
    let given = strings(["one", "three"]);
    assert_eq!(single(LABELS, &given), [["one"], ["two"], ["three"]]);
    assert!(parse(Key::of(&given).others(LABELS).bytes()).eq(["_other", "three"]));
    assert_eq!(closed(&LABELS[1..]), [vec!["two"], vec!["x", "three"]]);
}

#[test]
fn rows_are_found_again_after_the_table_grew_and_others_went() {
    static ROWS: table::Rows<(u32, u32)> =
        table::Rows::new(sync::atomic::AtomicPtr::new(core::ptr::null_mut()));
    let rows = &ROWS;
    let count: u32 = if cfg!(miri) { 100 } else { 1000 };
    // A quarter of the hashes are equal.
    let hash = |i: u32| i / 4;
    let find = |i: u32, site: u32| rows.find(hash(i), |key| *key == (site, i)).map(RowSlot::load);
    let insert = |i: u32, site: u32, slot: u32| {
        let entry = Box::leak(Box::new(Entry::new(hash(i), (site, i), slot)));
        rows.insert(entry);
        &*entry
    };
    let mut entries = Vec::new();
    for i in 0..count {
        for site in [1, 2] {
            assert_eq!(find(i, site), None);
            entries.push(insert(i, site, i * 10 + site));
        }
    }
    for i in 0..count {
        assert_eq!(find(i, 1), Some(i * 10 + 1));
        assert_eq!(find(i, 2), Some(i * 10 + 2));
        assert_eq!(find(i, 3), None);
    }
    let kept = rows.find(hash(50), |key| *key == (1, 50)).unwrap();
    // Every third, so that those behind them move.
    let (gone, there): (Vec<_>, Vec<_>) =
        entries.into_iter().enumerate().partition(|(number, _)| number % 3 == 1);
    for (_, entry) in &gone {
        rows.remove(entry);
    }
    assert!(gone.iter().all(|(_, entry)| find(entry.key.1, entry.key.0).is_none()));
    for (_, entry) in &there {
        let (site, i) = entry.key;
        assert_eq!(find(i, site), Some(i * 10 + site));
    }
    assert_eq!(kept.load(), GONE, "number 100 is gone");
    insert(50, 1, 7);
    assert_eq!(find(50, 1), Some(7));
    assert_eq!(kept.load(), GONE, "whoever kept it has not got the new one");
}

/// The places that a probe examines on average, in a table of twice as many places as there are
/// rows.
fn places_examined(site: usize, texts: &[String]) -> usize {
    let mut places = vec![false; (texts.len() * 2).next_power_of_two()];
    let mut examined = 0;
    for text in texts {
        let digest = Digest::of(text.as_bytes());
        let mut at = labels::hash(site, digest.len, [digest.words()]) as usize;
        loop {
            at %= places.len();
            examined += 1;
            if !core::mem::replace(&mut places[at], true) {
                break;
            }
            at += 1;
        }
    }
    examined
}

#[test]
fn texts_that_differ_in_few_characters_are_spread_at_every_address_of_their_site() {
    let all = |text: fn(usize) -> String| -> Vec<String> { (0..1_000).map(text).collect() };
    let families = [
        all(|n| format!("/route/{n}")),
        all(|n| format!("user-{n:05}")),
        all(|n| format!("/api/v1/it/{n:04}")),
        all(|n| n.to_string()),
    ];
    // Two places at which systems put programs, and what comes behind them.
    for start in [0x5555_5555_4000, 0x7f12_3456_7000] {
        for address in (0..if cfg!(miri) { 1 } else { 200 }).map(|n| start + n * 0x3_1238) {
            for texts in &families {
                // By chance it is 1.5 for each, and more if the places are not chosen well.
                let examined = places_examined(address, texts);
                assert!(examined < 2_500, "{}: {examined} for {address:#x}", texts[0]);
            }
        }
    }
}
