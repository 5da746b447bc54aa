//! Puts an attribute on every function with a body in a folder's sources, and prints the functions,
//! a line of JSON each.
//!
//! ```text
//! annotate <folder> functions|blocks <attributes> [FILE:LINE:COLUMN=ATTRIBUTES ..]
//! ```
//!
//! Attributes go into the line in which the function's own begin, so that no line gets another
//! number. With `blocks`, `impl` blocks and traits have them, and functions only outside of these.
//! A function that is named by its place has the attributes that are given for it. If these are
//! empty, it is left out, in a block by `#[headcount::skip]`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{LineColumn, Span};
use serde_json::json;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{ImplItem, Signature, TraitItem};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, how, attributes, others @ ..] = arguments.as_slice() else {
        panic!("annotate <folder> functions|blocks <attributes> [FILE:LINE:COLUMN=ATTRIBUTES ..]");
    };
    let folder = Path::new(folder);
    let mut files = Vec::new();
    sources(folder, &mut files);
    files.sort();
    for file in files {
        let name = file.strip_prefix(folder).expect("in the folder").display().to_string();
        let text = fs::read_to_string(&file).expect("a source in UTF-8");
        // What doesn't parse by itself is included somewhere, or a test's.
        let Ok(parsed) = syn::parse_file(&text) else { continue };
        let mut found = Found {
            file: name,
            attributes,
            on_blocks: how == "blocks",
            in_block: false,
            others: others.iter().filter_map(|other| other.split_once('=')).collect(),
            insertions: BTreeMap::new(),
        };
        found.visit_file(&parsed);
        if !found.insertions.is_empty() {
            fs::write(&file, inserted(&text, &found.insertions)).expect("written");
        }
    }
}

fn sources(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, files);
        // A build script has other dependencies.
        } else if path.extension().is_some_and(|extension| extension == "rs")
            && !path.ends_with("build.rs")
        {
            files.push(path);
        }
    }
}

/// The line in which an item begins, and where it begins behind its attributes.
macro_rules! begin {
    ($item:expr) => {{
        let mut item = $item.clone();
        item.attrs.clear();
        ($item.span().start().line, item.span().start())
    }};
}

/// The functions of a file, and what is to be inserted, by line and column.
struct Found<'a> {
    file: String,
    attributes: &'a str,
    on_blocks: bool,
    in_block: bool,
    /// The attributes of those that have others, by their places.
    others: BTreeMap<&'a str, &'a str>,
    insertions: BTreeMap<(usize, usize), String>,
}

impl Found<'_> {
    /// A function that begins here: by its line, and behind its attributes.
    fn function(&mut self, (first, begin): (usize, LineColumn), sig: &Signature, body: Span) {
        if sig.constness.is_some() {
            return;
        }
        let place = format!("{}:{}:{}", self.file, begin.line, begin.column);
        let other = self.others.get(place.as_str()).copied();
        let inherits = self.on_blocks && self.in_block;
        println!(
            "{}",
            json!({
                "place": place,
                "file": self.file,
                "name": sig.ident.to_string(),
                "first": first,
                "last": body.end().line,
            })
        );
        let attributes = match other {
            Some("") if inherits => "#[::headcount::skip]",
            Some(other) => other,
            None if inherits => "",
            None => self.attributes,
        };
        if !attributes.is_empty() {
            self.insertions.insert((begin.line, begin.column), format!("{attributes} "));
        }
    }

    /// A block, if it has a function that can be measured.
    fn block(&mut self, (_, begin): (usize, LineColumn), has_functions: bool) {
        if self.on_blocks && has_functions {
            self.insertions.insert((begin.line, begin.column), format!("{} ", self.attributes));
        }
    }

    fn within(&mut self, in_block: bool, visit: impl FnOnce(&mut Self)) {
        let before = std::mem::replace(&mut self.in_block, in_block);
        visit(self);
        self.in_block = before;
    }
}

impl<'ast> Visit<'ast> for Found<'_> {
    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        self.within(false, |found| {
            found.function(begin!(function), &function.sig, function.block.span());
            visit::visit_item_fn(found, function);
        });
    }

    fn visit_item_impl(&mut self, block: &'ast syn::ItemImpl) {
        let has_functions = block
            .items
            .iter()
            .any(|item| matches!(item, ImplItem::Fn(function) if function.sig.constness.is_none()));
        self.block(begin!(block), has_functions);
        self.within(true, |found| visit::visit_item_impl(found, block));
    }

    fn visit_item_trait(&mut self, block: &'ast syn::ItemTrait) {
        let has_functions = block.items.iter().any(|item| {
            matches!(item, TraitItem::Fn(function)
                if function.sig.constness.is_none() && function.default.is_some())
        });
        self.block(begin!(block), has_functions);
        self.within(true, |found| visit::visit_item_trait(found, block));
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        self.function(begin!(function), &function.sig, function.block.span());
        self.within(false, |found| visit::visit_impl_item_fn(found, function));
    }

    fn visit_trait_item_fn(&mut self, function: &'ast syn::TraitItemFn) {
        if let Some(body) = &function.default {
            self.function(begin!(function), &function.sig, body.span());
        }
        self.within(false, |found| visit::visit_trait_item_fn(found, function));
    }
}

/// The text with all insertions. Lines are counted from 1, columns in characters from 0.
fn inserted(text: &str, insertions: &BTreeMap<(usize, usize), String>) -> String {
    let mut result = String::new();
    for (index, line) in text.split_inclusive('\n').enumerate() {
        let mut done = 0;
        let here = (index + 1, 0)..(index + 2, 0);
        for (&(_, column), attributes) in insertions.range(here) {
            let at = line.char_indices().nth(column).map_or(line.len(), |(at, _)| at);
            result += &line[done..at];
            result += attributes;
            done = at;
        }
        result += &line[done..];
    }
    result
}
