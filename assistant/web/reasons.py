"""The engine's reasons in the reader's language: what is wrong with a file, a quote or a question.

The engine speaks English. A reason that isn't known here is shown as it is.
"""

from __future__ import annotations

import re

_JAPANESE = [
    (re.compile(f"(.*?){english}", re.DOTALL), rf"\1{japanese}")
    for english, japanese in (
        ("the question is empty", "質問が空です"),
        (
            r"the question has ([\d,]+) characters; at most ([\d,]+) are read",
            r"質問が \2 文字です(上限は \3 文字)",
        ),
        ("the question is not UTF-8 text", "質問が UTF-8 のテキストではありません"),
        (
            r"('.*') is no date; write .*",
            r"\2 は日付ではありません。since:2024、since:2024-06、since:2024-06-30 のように書いてください",
        ),
        (
            r"has no text, only pictures of it .*",
            "文字情報がなく画像だけです。文字認識をしてください",
        ),
        (r"has no text\b.*", "本文がありません"),
        (r"has no page", "ページがありません"),
        (r"is UTF-16, not UTF-8; .*", "UTF-16 です。UTF-8 で保存してください"),
        (
            r"is not UTF-8 \(byte (\d+), line (\d+)\); .*",
            r"UTF-8 ではありません(\3 行目、\2 バイト目)。UTF-8 で保存してください",
        ),
        (
            "has a name that is not UTF-8; rename it",
            "名前が UTF-8 ではありません。変更してください",
        ),
        (r"is binary, not text", "テキストではなくバイナリです"),
        (
            r"is ([\d.]+) MB, more than the ([\d.]+) MB read; .*",
            r"\2 MB あります(上限は \3 MB)。分割してください",
        ),
        (
            r"unpacks to ([\d,]+) MB, more than the ([\d,]+) MB read",
            r"展開すると \2 MB になります(上限は \3 MB)",
        ),
        (r"holds too much text; .*", "本文が長すぎます。分割してください"),
        (r"has more than ([\d,]+) pages; .*", r"\2 ページを超えています。分割してください"),
        (
            r"takes more than ([\d.]+) seconds to read; .*",
            r"読み取りに \2 秒以上かかります。分割してください",
        ),
        (r"is encrypted; .*", "暗号化されています。パスワードなしで保存してください"),
        (
            r"is an old or an encrypted Word document; .*",
            "古い形式か暗号化された Word 文書です。.docx で保存してください",
        ),
        (r"is not a whole PDF \(.*", "PDF が壊れています"),
        (r"is not a whole Word document \(.*", "Word 文書が壊れています"),
        (r"is a ZIP archive, but not a Word document", "ZIP ファイルで、Word 文書ではありません"),
        (r"is damaged; .*", "壊れていて読み取れません"),
        (r"is not a (\w+) file", r"\2 ファイルではありません"),
        (
            r"holds (\w+); rename it to end in (\.\w+)",
            r"中身は \2 です。拡張子を \3 に変えてください",
        ),
        (r"is not one of the formats read here \((.*)\)", r"読み取れる形式ではありません(\2)"),
        (r"needs more to be read; install it: (.*)", r"読み取りには追加が必要です: \2"),
        (r"is a symbolic link, .*", "シンボリックリンクです。ファイルそのものを置いてください"),
        (r"is not a regular file", "通常のファイルではありません"),
        (
            r"is already there as (\S+); .*",
            r"\2 として既にあります。名前を変えるか、先に外してください",
        ),
        (r"has the same name as (.+); .*", r"\2 と同じ名前です。どちらかを変えてください"),
        (
            r"its date ('.*') is not of the form 2025-02-07",
            r"日付 \2 が 2025-02-07 の形ではありません",
        ),
        (r"its (\w+) is not a line of text", r"\2 が 1 行のテキストではありません"),
        (r"its (.+?) is not valid YAML(?:, line (\d+))?", r"\2 が正しい YAML ではありません"),
        (r"can't be read \((.*)\).*", r"読み取れません(\2)"),
        (r"can't be kept \((.*)\)", r"保存できません(\2)"),
        (
            r"has changed since: the words stand elsewhere in it",
            "変更され、引用は別の場所にあります",
        ),
        (r"is now read with .*", "読み取りソフトの版が変わりました"),
        (r"does not have these words", "この引用は見当たりません"),
    )
]


def in_language(words: str, language: str) -> str:
    """The reason ``words`` in ``language``, a subject before it kept."""
    if language == "ja":
        for english, japanese in _JAPANESE:
            if match := english.fullmatch(words):
                return match.expand(japanese)
    return words
