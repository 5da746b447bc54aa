#![doc = include_str!("../docs/guide/links-in-rustdoc.txt")]
#![doc = include_str!("../docs/guide/README.md")]

// The pages are files, which a forge shows too. Their links have definitions at their ends, for
// readers of the files. Of two definitions of a name Markdown takes the first, so rustdoc takes
// those that stand before the page here.
macro_rules! page {
    ($name:ident, $path:literal) => {
        #[doc = include_str!("../docs/guide/links-in-rustdoc.txt")]
        #[cfg_attr(feature = "serve", doc = "[`serve`]: crate::serve\n\n")]
        #[cfg_attr(feature = "push", doc = "[`Pusher`]: crate::Pusher\n\n")]
        #[doc = include_str!($path)]
        pub mod $name {}
    };
}

page!(first_metric, "../docs/guide/first_metric.md");
page!(gauge_modes, "../docs/guide/gauge_modes.md");
page!(labels, "../docs/guide/labels.md");
page!(processes, "../docs/guide/processes.md");
page!(deployment, "../docs/guide/deployment.md");
page!(directory, "../DIRECTORY.md");
page!(files, "../docs/guide/files.md");
page!(page_size, "../docs/guide/page_size.md");
page!(testing, "../docs/guide/testing.md");
page!(troubleshooting, "../docs/guide/troubleshooting.md");
page!(migrating, "../docs/guide/migrating.md");
page!(builds, "../docs/guide/builds.md");
page!(machines, "../docs/machines.md");
