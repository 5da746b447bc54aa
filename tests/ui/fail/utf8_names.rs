use headcount::{Counter, Info, StateSet, counted, metric};

/// A.
#[metric(name = "a.b_total")]
static WITHOUT_FLAG: Counter;

/// B.
#[metric(name = "b c_total", utf8_names)]
static SPACE: Counter;

/// C.
#[metric(name = "c.d", utf8_names)]
static ENDING: Counter;

/// D.
#[metric(name = "headcount.d_total", utf8_names)]
static RESERVED: Counter;

/// E.
#[metric(namespace = "e\u{2003}", name = "e_total", utf8_names)]
static NAMESPACE: Counter;

/// F.
#[metric(name = "f_total", labels("http.route" = route))]
fn label_without_flag(route: &str) -> Counter;

/// G.
#[metric(name = "g_total", utf8_names, labels("__g.x" = a, "g y" = b, "g.z" = c, "g.w" = c))]
fn labels(a: &str, b: &str, c: &str) -> Counter;

/// H.
#[metric(name = "h_total", utf8_names, labels("h.x" = missing, "h.y", other = a, "h.z" = 1 + 1))]
fn parameters(a: &str) -> Counter;

/// I.
#[metric(name = "i_total", utf8_names, labels("b" = a))]
fn twice(a: &str, b: &str) -> Counter;

/// J.
#[metric(name = "j_info", utf8_names, labels("j.x" = "y", "j.x" = "z"))]
static FACTS: Info;

#[derive(headcount::LabelValue)]
enum State {
    On,
}

/// K.
#[metric(name = "k.state", mode = "livesum", utf8_names, labels("k.state" = of))]
fn states(of: &str) -> StateSet<State>;

const L: &str = "l\u{85}";

/// L.
#[metric(namespace = L, name = "l_total", utf8_names)]
static CONSTANT: Counter;

#[counted(utf8_names)]
fn nameless() {}

#[counted(name = "m.n_total", utf8_names, labels("m.x"), utf8_names = true)]
fn function() {}

fn main() {}
