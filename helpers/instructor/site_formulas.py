"""Formulas as MathML, made when the pages are: browsers draw it without any script."""

import re

from latex2mathml.converter import convert

# What the converter does not know, in words that it does
SPELLINGS = {
    r"\\arg\b": r"\\operatorname{arg}",
    r"\\mathrm\{(\w{2,})\}": r"\\operatorname{\1}",
    r"\\(Big|big|bigg|Bigg)([lr]?)\\\|": r"\\\1\2‖",
    r"\\(mathbb|mathcal|mathbf) ?(\w)": r"\\\1{\2}",  # becomes a letter of its own, as 𝔼
}
BELOW = re.compile(r"\\(min|max)_")  # in display style
# Names of functions: some space before, and after unless a bracket follows
NAME = re.compile(r"<m([io])>([A-Za-z]{2,})</m\1>(?=(<mo[^>]*>(?:&#x00028;|&#x0005B;))?)")
LOST = re.compile(r'mathvariant="(?!normal)')  # browsers know no other variant any more
# Between dollars, as notebooks have it: no space inside, no digit right after the second one.
INLINE = re.compile(r"(?<![\\$])\$(?! )([^$\n]+?)(?<! )\$(?![\d$])")
PERCENT = re.compile(r"(?<=\d) (?=%)")
# Formulas with what stands right before and after them, such as a comma
WORD = re.compile(r"(?:[^\s<>]*<math\b(?:(?!</math>).)*</math>)+[^\s<>]*", re.DOTALL)


class FormulaError(ValueError):
    """A formula that cannot be shown; the message holds it."""


def make_mathml(latex: str, *, block: bool = False) -> str:
    """The MathML of a formula, display style if block.

    Raises FormulaError when the formula, or a command in it, is not understood.
    """
    for pattern, spelling in SPELLINGS.items():
        latex = re.sub(pattern, spelling, latex)
    if block:
        latex = BELOW.sub(r"\\\1\\limits_", latex)
    try:
        mathml: str = convert(latex, display="block" if block else "inline")
    except Exception as error:  # the converter's errors have no common base
        raise FormulaError(f"no MathML for {latex!r}: {error!r}") from error
    mathml = mathml.replace(r"\_", "_")  # in \text{fan\_in}
    if LOST.search(mathml):
        raise FormulaError(f"no MathML for {latex!r}: browsers would show a plain letter")
    shown = re.sub(r"<[^>]*>", "", mathml)
    if "\\" in shown:
        raise FormulaError(f"no MathML for {latex!r}: it would show {shown!r}")
    return NAME.sub(_space_name, mathml)


def _space_name(name: re.Match[str]) -> str:
    after = "0" if name[3] else "0.17em"
    return f'<mo lspace="0.17em" rspace="{after}">{name[2]}</mo>'


def keep_percent(text: str) -> str:
    """Text in which no line breaks between a number and its percent sign."""
    return PERCENT.sub("\N{NO-BREAK SPACE}", text)


def keep_together(html: str) -> str:
    """HTML in which no line breaks between a formula and the comma after it."""
    return WORD.sub(_keep, html)


def _keep(word: re.Match[str]) -> str:
    alone = word[0].count("<math") == 1 and word[0][0] == "<" and word[0][-1] == ">"
    return word[0] if alone else f'<span class="word">{word[0]}</span>'


def replace_formulas(html: str) -> str:
    """HTML in which formulas between dollars are MathML; code stays as it is."""
    import html as entities

    parts = re.split(r"(<code>.*?</code>|<pre.*?</pre>)", html, flags=re.DOTALL)
    for i in range(0, len(parts), 2):
        parts[i] = INLINE.sub(lambda m: make_mathml(entities.unescape(m[1])), parts[i])
    return keep_together("".join(parts))
