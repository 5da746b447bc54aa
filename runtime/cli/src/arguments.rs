//! The command line: what there is to call, and its help.

#![expect(clippy::doc_markdown, reason = "what is printed as help is no Markdown")]

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::NonEmptyStringValueParser;
use clap::{ArgGroup, Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use headcount::{Format, MAX_LABEL_VALUE_LEN};

use super::promql::is_plain;

/// The bytes that a name on a page may have.
const MOST_OF_A_NAME: usize = 1024;

/// Below every long help.
const ENVIRONMENT: &str = "\
Environment:
  HEADCOUNT_DIR              the directory, unless --dir names one
  PROMETHEUS_MULTIPROC_DIR   the same, if HEADCOUNT_DIR is not set
  RUNTIME_DIRECTORY          of a systemd service: its subdirectory `headcount`, as the last choice
  LISTEN_FDS, LISTEN_PID     the sockets for --web.systemd-socket
  NO_COLOR                   if it is set, nothing is coloured

Exit status:
  0   all is well
  1   the command failed, or `check` found a problem
  2   the arguments are wrong";

const EXAMPLES: &str = "\
Examples:
  headcount serve --dir /run/shop
  headcount show job_seconds --dir /run/shop
  headcount ps --dir /run/shop";

/// Serves, shows and tends what the processes of a program count in a directory.
#[derive(Debug, Parser)]
#[command(name = "headcount", version, after_help = EXAMPLES)]
#[command(after_long_help = const_format())]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
    /// The directory [default: HEADCOUNT_DIR, or else PROMETHEUS_MULTIPROC_DIR, or else `headcount`
    /// in systemd's RUNTIME_DIRECTORY].
    #[arg(long, global = true, value_name = "DIRECTORY")]
    pub(crate) dir: Option<PathBuf>,
}

fn const_format() -> String {
    format!("{EXAMPLES}\n\n{ENVIRONMENT}")
}

fn with_environment(examples: &str) -> String {
    format!("Examples:\n{examples}\n\n{ENVIRONMENT}")
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serves the page over HTTP, until SIGTERM or SIGINT (Ctrl-C) ends it with status 0.
    ///
    /// It may start before the first process that counts, and before the directory exists: the page
    /// is empty, or says what is missing. Several may serve the same address from a directory: one
    /// does, and another takes over when it dies.
    #[command(after_long_help = with_environment(
        "  headcount serve\n  headcount serve --web.listen-address 127.0.0.1:9100 --web.listen-address unix:/run/shop.sock\n  headcount serve --web.config.file /etc/headcount/web.yml\n  headcount serve --label region=eu --prefix shop\n  curl -g 'localhost:9464/metrics?name[]=jobs_total'"
    ))]
    Serve(Serve),
    /// Prints the merged page of all processes, living and dead. Writes nothing to the directory.
    ///
    /// Reports what could not be read on the standard error.
    #[command(after_long_help = with_environment(
        "  headcount show\n  headcount show jobs_total job_seconds --format openmetrics\n  headcount show --watch 2s\n  headcount show --format json | jq .families[].name"
    ))]
    Show(Show),
    /// Lists the processes that have a segment, whether each is alive, and how that is known.
    #[command(after_long_help = with_environment(
        "  headcount ps\n  headcount ps --sort series"
    ))]
    Ps {
        /// The order: numbers from the greatest, the rest from the least.
        #[arg(long, value_enum, default_value_t = Order::Created)]
        sort: Order,
    },
    /// Compacts the segments of dead processes into the archive. No number changes.
    Compact {
        /// Also the files of dead processes of Python's prometheus_client, whose own collector
        /// does not find them any more then.
        #[arg(long)]
        python: bool,
    },
    /// Deletes what is no longer wanted. Numbers of living processes are never touched.
    ///
    /// The segments of dead processes are compacted first, unless it is a dry run.
    #[command(after_long_help = with_environment(
        "  headcount clean --older-than 30d --dry-run\n  headcount clean --unreadable"
    ))]
    Clean(What),
    /// Reports whether all is well, by the exit status too: for probes.
    ///
    /// Not well is a directory that cannot be read or contains nothing of headcount's, a file that
    /// was left out, and fewer living processes than --min-live.
    #[command(after_long_help = with_environment(
        "  headcount check\n  headcount check --min-live 4 --dir /run/shop"
    ))]
    Check {
        /// The least number of living processes.
        #[arg(long, value_name = "NUMBER", default_value_t = 0)]
        min_live: usize,
    },
    /// Prints which families there are: name, type, unit, labels, series and help.
    ///
    /// Or what others make of them: a dashboard for Grafana, or rules for Prometheus.
    ///
    /// The dashboard and the rules ask for what the directory declares now: rates, the part that
    /// fails, quantiles, saturation, calls in progress and the oldest of them. Make them anew when
    /// a program declares something new.
    ///
    /// They ask for a family's own labels `job` and `instance` as `exported_job` and
    /// `exported_instance`, as Prometheus stores them unless the scrape has `honor_labels`.
    #[command(after_long_help = with_environment(
        "  headcount catalog > METRICS.md\n  headcount catalog --format grafana > dashboard.json\n  headcount catalog --format rules > headcount.rules.yml"
    ))]
    Catalog {
        /// The format.
        #[arg(long, value_enum, default_value_t = CatalogFormat::Md)]
        format: CatalogFormat,
        /// The prefix with which the families are served: that of `serve --prefix`.
        #[arg(long, value_name = "PREFIX", default_value = "", hide_default_value = true)]
        #[arg(value_parser = prefix)]
        prefix: String,
    },
    /// Sends the totals of all processes, living and dead, to a Pushgateway or into a textfile.
    ///
    /// Nothing is deleted in the directory, so whatever a push could not send, the next one sends.
    /// Run it after a batch job, or from time to time: what a killed job has counted is in it too.
    #[command(after_long_help = with_environment(
        "  headcount push http://gateway:9091 --job nightly --grouping instance=$HOSTNAME\n  headcount push https://gateway --job nightly --user shop --password-file /run/secrets/push\n  headcount push http://gateway:9091 --job nightly --delete\n  headcount push --textfile /var/lib/prometheus/node-exporter/shop.prom"
    ))]
    Push(Push),
    /// Compacts the segments of this process, if it has ended; says why if nothing was done.
    MarkDead {
        /// The pid of the process.
        pid: u32,
    },
    /// Prints a script that completes this program's arguments.
    #[command(after_long_help = with_environment(
        "  headcount completions bash > /etc/bash_completion.d/headcount"
    ))]
    Completions {
        /// The shell.
        shell: Shell,
    },
    /// Prints the manual page of the program, or of one command.
    #[command(after_long_help = with_environment(
        "  headcount man > /usr/local/share/man/man1/headcount.1\n  headcount man serve | man -l -"
    ))]
    Man {
        /// The command.
        command: Option<String>,
    },
}

/// A column of `ps`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Order {
    /// The oldest segment first.
    Created,
    /// The pid.
    Pid,
    /// Live processes first, and files that cannot be read last.
    State,
    /// The number of series.
    Series,
    /// What the file takes.
    Bytes,
    /// Operations that were not recorded.
    Drops,
}

#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// Where to listen: host:port, :port, or unix:PATH. Can be repeated.
    #[arg(long = "web.listen-address", value_name = "ADDRESS", default_value = ":9464")]
    pub(crate) addresses: Vec<String>,
    /// Serves at the sockets that systemd hands over (LISTEN_FDS), and at no other address.
    #[arg(long = "web.systemd-socket", conflicts_with = "addresses")]
    pub(crate) systemd_socket: bool,
    /// A file with TLS, client certificates, users and rate limits, as of Prometheus' exporters. It
    /// is read anew for each request.
    #[arg(long = "web.config.file", value_name = "FILE")]
    pub(crate) web_config: Option<PathBuf>,
    /// The path of the page.
    #[arg(long = "web.telemetry-path", value_name = "PATH", default_value = "/metrics")]
    pub(crate) path: String,
    /// Adds a label to all families: a fact of the place, such as the host. Can be repeated.
    #[arg(long = "label", value_name = "NAME=VALUE", value_parser = label)]
    pub(crate) labels: Vec<(String, String)>,
    /// Begins the name of every family with this and an underscore, but for headcount's own.
    #[arg(long, value_name = "PREFIX", default_value = "", hide_default_value = true)]
    #[arg(value_parser = prefix)]
    pub(crate) prefix: String,
    /// Leaves out what the kernel reports of the living processes: CPU time, memory, descriptors.
    #[arg(long)]
    pub(crate) no_process_metrics: bool,
    /// Leaves out headcount's own families, but for headcount_shared.
    #[arg(long)]
    pub(crate) no_self_metrics: bool,
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("target").required(true))]
#[command(group = ArgGroup::new("kind").multiple(false))]
pub(crate) struct Push {
    /// The address of the gateway: http://host:9091.
    #[arg(group = "target", requires = "job", value_parser = gateway)]
    pub(crate) url: Option<String>,
    /// Writes the page into this file for node_exporter's textfile collector; it must end in .prom.
    #[arg(long, value_name = "FILE", group = "target", value_parser = textfile)]
    pub(crate) textfile: Option<PathBuf>,
    /// The name of the job, which is the label `job` of the group.
    #[arg(long, value_name = "NAME", requires = "url")]
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub(crate) job: Option<String>,
    /// Adds a label to the group, such as the host. Can be repeated.
    #[arg(long, value_name = "NAME=VALUE", value_parser = grouping, requires = "url")]
    pub(crate) grouping: Vec<(String, String)>,
    /// Replaces only families of the same names, and not the whole group.
    #[arg(long, group = "kind", requires = "url")]
    pub(crate) add: bool,
    /// Removes the group from the gateway. Nothing is deleted in the directory.
    #[arg(long, group = "kind", requires = "url")]
    pub(crate) delete: bool,
    /// How long the push may take, with all its tries.
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = pause)]
    pub(crate) timeout: Duration,
    /// The user for the gateway.
    #[arg(long, value_name = "NAME", requires_all = ["password_file", "url"])]
    pub(crate) user: Option<String>,
    /// The file with the user's password.
    #[arg(long, value_name = "FILE", requires = "user")]
    pub(crate) password_file: Option<PathBuf>,
    /// A file with the certificates to trust, in place of the machine's.
    #[arg(long, value_name = "FILE", requires = "url")]
    pub(crate) ca_file: Option<PathBuf>,
    /// Adds a label to all families. Can be repeated.
    #[arg(long = "label", value_name = "NAME=VALUE", value_parser = label)]
    pub(crate) labels: Vec<(String, String)>,
    /// Begins the name of every family with this and an underscore, but for headcount's own.
    #[arg(long, value_name = "PREFIX", default_value = "", hide_default_value = true)]
    #[arg(value_parser = prefix)]
    pub(crate) prefix: String,
    /// Leaves out headcount's own families, but for headcount_shared.
    #[arg(long)]
    pub(crate) no_self_metrics: bool,
}

/// A label of the page. The collector would leave out any other one.
fn label(text: &str) -> Result<(String, String), String> {
    let (name, value) = pair(text)?;
    if name.starts_with("__") {
        Err("names that begin with two underscores are Prometheus' own".to_owned())
    } else if value.len() > MAX_LABEL_VALUE_LEN {
        Err(format!("the value has more than {MAX_LABEL_VALUE_LEN} bytes"))
    } else {
        Ok((named(name)?, value.to_owned()))
    }
}

/// The library refuses what else is no address.
fn gateway(text: &str) -> Result<String, String> {
    match text.split_once("://") {
        Some((scheme, _)) if !["http", "https"].contains(&scheme) => {
            Err("the address is neither http:// nor https://".to_owned())
        }
        _ => Ok(text.to_owned()),
    }
}

/// A label of a group, by the gateway's own rule.
fn grouping(text: &str) -> Result<(String, String), String> {
    let (name, value) = pair(text)?;
    if name == "job" {
        Err("the name of the job is given by --job".to_owned())
    } else if name.starts_with("__") || !is_plain(name, false) {
        Err(format!("`{name}` can't be a label of a group at a Pushgateway"))
    } else {
        Ok((name.to_owned(), value.to_owned()))
    }
}

fn pair(text: &str) -> Result<(&str, &str), String> {
    let (name, value) = text.split_once('=').ok_or("there is no `=`")?;
    if name.is_empty() { Err("the name is empty".to_owned()) } else { Ok((name, value)) }
}

/// What can begin the name of a family. With anything else, the collector would leave out all.
fn prefix(text: &str) -> Result<String, String> {
    named(text)
}

fn named(name: &str) -> Result<String, String> {
    if name.contains(char::is_control) {
        Err("no name has control characters".to_owned())
    } else if name.len() > MOST_OF_A_NAME {
        Err(format!("the name has more than {MOST_OF_A_NAME} bytes"))
    } else {
        Ok(name.to_owned())
    }
}

fn textfile(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    if path.extension().is_some_and(|end| end == "prom") {
        Ok(path)
    } else {
        Err("the name must end in `.prom`".to_owned())
    }
}

#[derive(Debug, Args)]
pub(crate) struct Show {
    /// Names of families, or of samples: only these are shown.
    pub(crate) names: Vec<String>,
    /// The format.
    #[arg(long, value_enum, default_value_t = PageFormat::Text)]
    pub(crate) format: PageFormat,
    /// Prints the page again and again; on a terminal it replaces the one before.
    #[arg(long, value_name = "PAUSE", num_args = 0..=1, default_missing_value = "2s")]
    #[arg(value_parser = pause)]
    pub(crate) watch: Option<Duration>,
}

/// A number is one of seconds.
fn pause(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    let pause = seconds.map_or_else(|| humantime::parse_duration(text), Ok);
    let pause = pause.map_err(|e| e.to_string())?;
    if pause.is_zero() { Err("there must be a pause".to_owned()) } else { Ok(pause) }
}

#[derive(Debug, Args)]
#[group(skip)]
#[command(group = ArgGroup::new("selected").required(true).multiple(true))]
pub(crate) struct What {
    /// Deletes series of dead processes to which nobody has added for this time: 30d, 12h. It
    /// counts from the compaction of the last process that had the series: what this command
    /// compacts is deleted by a later one.
    #[arg(long, value_name = "AGE", value_parser = humantime::parse_duration, group = "selected")]
    pub(crate) older_than: Option<Duration>,
    /// Deletes files that cannot be read: damaged segments of dead processes, also those that were
    /// set aside (they end in `.bad`), and what has a segment's name and is none.
    #[arg(long, group = "selected")]
    pub(crate) unreadable: bool,
    /// Deletes all numbers of dead processes.
    #[arg(long, group = "selected")]
    pub(crate) dead: bool,
    /// Deletes nothing, and lists what would be deleted.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum PageFormat {
    /// The Prometheus text format 0.0.4.
    Text,
    /// The Prometheus text format 1.0.0.
    Text1,
    /// OpenMetrics 1.0.
    Openmetrics,
    /// Prometheus' protobuf, delimited.
    Protobuf,
    /// JSON.
    Json,
}

impl From<PageFormat> for Format {
    fn from(format: PageFormat) -> Self {
        match format {
            PageFormat::Text => Self::Text,
            PageFormat::Text1 => Self::Text1,
            PageFormat::Openmetrics => Self::OpenMetrics,
            PageFormat::Protobuf => Self::Protobuf,
            PageFormat::Json => Self::Json,
        }
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum CatalogFormat {
    /// A Markdown table.
    Md,
    /// JSON.
    Json,
    /// A dashboard for Grafana, which asks for its data source when it is imported.
    Grafana,
    /// A file with recording and alerting rules for Prometheus.
    Rules,
}
