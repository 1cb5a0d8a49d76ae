//! Where operators stand in a value.

/// A part of a value.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Part<'t> {
    /// Literal text, `%%` already one per cent sign.
    Text(String),
    /// `%NAME%` or `%NAME(argument)%`.
    Operator { name: &'t str, argument: Option<&'t str> },
}

/// The parts of `text`; an error says what neither Istio nor Envoy takes.
pub(super) fn parts(text: &str) -> Result<Vec<Part<'_>>, String> {
    if let Some(control) = text.chars().find(|c| c.is_control() && *c != '\t') {
        return Err(format!("{control:?} cannot be in the value of a header"));
    }
    let (mut parts, mut literal, mut rest) = (Vec::new(), String::new(), text);
    while let Some((before, behind)) = rest.split_once('%') {
        literal.push_str(before);
        if let Some(after) = behind.strip_prefix('%') {
            literal.push('%');
            rest = after;
            continue;
        }
        let (operator, after) = operator(behind)?;
        if !literal.is_empty() {
            parts.push(Part::Text(std::mem::take(&mut literal)));
        }
        parts.push(operator);
        rest = after;
    }
    literal.push_str(rest);
    if !literal.is_empty() {
        parts.push(Part::Text(literal));
    }
    Ok(parts)
}

/// The operator that `text` begins with, behind its per cent sign, and what follows it.
///
/// Envoy reads `NAME`, `(argument)` up to the first bracket behind which the operator can end, and a length
/// (`SubstitutionFormatParser`). Istio refuses lengths, and brackets and quotes that do not close (`validateHeaderValue`).
fn operator(text: &str) -> Result<(Part<'_>, &str), String> {
    let is_name = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    let end = text.bytes().position(|byte| !is_name(byte)).unwrap_or(text.len());
    let (name, rest) = text.split_at_checked(end).unwrap_or((text, ""));
    let shown = || text.split('%').next().unwrap_or_default();
    if name.is_empty() || rest.is_empty() {
        return Err(format!("`%{}` is not one of Envoy's operators; a per cent sign is written %%", shown()));
    }
    if let Some(after) = rest.strip_prefix('%') {
        return Ok((Part::Operator { name, argument: None }, after));
    }
    if rest.starts_with(':') {
        return Err(format!("%{}: Envoy takes no length for this operator, and Istio none for any", shown()));
    }
    let Some(argument) = rest.strip_prefix('(') else {
        return Err(format!("`%{}` is not one of Envoy's operators; a per cent sign is written %%", shown()));
    };
    for (at, _) in argument.match_indices(')') {
        let Some((argument, after)) = argument.split_at_checked(at) else { continue };
        let after = after.get(1..).unwrap_or_default();
        if let Some(after) = after.strip_prefix('%') {
            closes(argument).map_err(|reason| format!("%{name}({argument})%: {reason}"))?;
            return Ok((Part::Operator { name, argument: Some(argument) }, after));
        }
        if after
            .strip_prefix(':')
            .is_some_and(|after| after.trim_start_matches(|c: char| c.is_ascii_digit()).starts_with('%'))
        {
            return Err(format!("%{name}({argument}): Istio takes no length behind an operator"));
        }
    }
    Err(format!("`%{name}(` does not end with `)%`"))
}

/// Whether Istio reads the argument to its end: it takes one in square brackets for a list of texts in quotes.
fn closes(argument: &str) -> Result<(), String> {
    let argument = argument.trim_start_matches(' ');
    if argument.is_empty() {
        return Err("has an empty argument".to_owned());
    }
    let Some(list) = argument.strip_prefix('[') else {
        // Within a plain argument a quote begins a list that has to go on, and a bracket ends it.
        return if argument.contains(['"', ')', '\\']) {
            Err("has a quote, a bracket or a backslash".to_owned())
        } else {
            Ok(())
        };
    };
    texts(list).map(|_| ())
}

/// The texts of a list, behind its opening bracket: `"a", "b"]`.
pub(super) fn texts(list: &str) -> Result<Vec<&str>, String> {
    let not_a_list = || "a list is written [\"a\", \"b\"]".to_owned();
    let inner = list.trim_end_matches(' ').strip_suffix(']').ok_or_else(not_a_list)?;
    inner
        .split(',')
        .map(|text| {
            let text = text.trim_matches(' ').strip_prefix('"').and_then(|text| text.strip_suffix('"'));
            text.filter(|text| !text.contains(['"', '\\', ')'])).ok_or_else(not_a_list)
        })
        .collect()
}
