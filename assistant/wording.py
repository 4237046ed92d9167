"""The words of the chat's page, in English and Japanese, and dates in the reader's form."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class Wording:
    """The page in one language; ``{...}`` are filled in where the words are used."""

    language: str
    other_language: str
    other_name: str
    name: str
    tagline: str
    new_chat: str
    export: str
    dark: str
    light: str
    skip: str
    welcome: str
    loaded_one: str
    loaded_many: str
    examples: str
    question: str
    send: str
    conversation: str
    searching: str
    answered_one: str
    answered_many: str
    related: str
    related_more: str
    not_found: str
    not_found_more: str
    silence: str
    nearest: str
    nearest_related: str
    searched_for: str
    scope_narrowed: str
    documents: str
    documents_hint: str
    paragraphs_one: str
    paragraphs_many: str
    undated: str
    no_issuer: str
    back: str
    close: str
    copy_quote: str
    copy_link: str
    copied: str
    not_copied: str
    previous: str
    next: str
    shown: str
    original: str
    verified: str
    not_verified: str
    passage_changed: str
    document_gone: str
    bad_link: str
    error: str
    error_more: str
    failed: str
    failed_more: str
    empty_library: str
    empty_library_more: str
    no_index: str
    no_index_more: str
    gone: str
    restarted: str
    reload: str
    needs_script: str

    def when(self, day: date | None, *, american: bool = False) -> str:
        """``day`` as its reader writes it; empty if there is none."""
        if day is None:
            return ""
        if self.language == "ja":
            return f"{day.year}年{day.month}月{day.day}日"
        month = _MONTHS[day.month - 1]
        return f"{month} {day.day}, {day.year}" if american else f"{day.day} {month} {day.year}"

    def readouts(self, count: int) -> str:
        return (self.loaded_one if count == 1 else self.loaded_many).format(count=count)

    def paragraphs(self, count: int) -> str:
        return (self.paragraphs_one if count == 1 else self.paragraphs_many).format(count=count)

    def answered(self, count: int) -> str:
        return (self.answered_one if count == 1 else self.answered_many).format(count=count)


# strftime's month names follow the process's locale, not the reader's.
_MONTHS = [
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
]

ENGLISH = Wording(
    language="en",
    other_language="ja",
    other_name="日本語",
    name="Readout Assistant",
    tagline="Answers in the documents’ own words, or none.",
    new_chat="New chat",
    export="Export",
    dark="Dark",
    light="Light",
    skip="Skip to the question",
    welcome="Ask what the readouts say",
    loaded_one="{count} readout loaded. Each answer quotes the source and cites the paragraph.",
    loaded_many="{count} readouts loaded. Each answer quotes the source and cites the paragraph.",
    examples="Questions the readouts answer",
    question="Ask a question about the readouts",
    send="Ask",
    conversation="Conversation",
    searching="Searching the readouts…",
    answered_one="1 passage in the readouts addresses this. Quoted word for word:",
    answered_many="{count} passages in the readouts address this. Quoted word for word:",
    related="Not answered in the readouts",
    related_more="The passages below are related, but none of them answers this question.",
    not_found="Not stated in the readouts",
    not_found_more="No passage in the loaded readouts answers this question.",
    silence="A readout’s silence does not show that a topic was not raised.",
    nearest="Nearest passages, which do not answer it",
    nearest_related="Related passages, none of which answers it",
    searched_for="Searched for:",
    scope_narrowed="Asked of {count} of {total} readouts.",
    documents="Documents",
    documents_hint="Choose a citation or a document. "
    "It opens here with the quoted sentence marked.",
    paragraphs_one="{count} paragraph",
    paragraphs_many="{count} paragraphs",
    undated="Undated",
    no_issuer="Issuer not given",
    back="All documents",
    close="Close",
    copy_quote="Copy quote",
    copy_link="Copy link",
    copied="Copied",
    not_copied="Could not copy",
    previous="Previous quote",
    next="Next quote",
    shown="Shown",
    original="Original",
    verified="These words stand in the file, character for character.",
    not_verified="The file has changed since it was indexed: {reason}.",
    passage_changed="The passage this link cites has changed or is gone. "
    "This is the readout as it stands now.",
    document_gone="The readout this link cites is not in this library.",
    bad_link="This link is not one of ours, so nothing is marked.",
    error="The question could not be answered",
    error_more="{reason}.",
    failed="Something went wrong here",
    failed_more="This is a fault of the assistant, not of your question. Please ask again.",
    empty_library="There are no readouts yet",
    empty_library_more="Put readouts (.txt or .md) into the folder source_docs, "
    "run “readout build”, and reload this page.",
    no_index="The readouts cannot be searched yet",
    no_index_more="{reason}.",
    gone="The assistant is not running. This page is kept, and connects again by itself.",
    restarted="The assistant was restarted. Earlier questions here are no longer remembered.",
    reload="Start afresh",
    needs_script="This page needs JavaScript, which it loads from this server only.",
)

JAPANESE = Wording(
    language="ja",
    other_language="en",
    other_name="English",
    name="Readout Assistant",
    tagline="文書の言葉そのもので答えます。なければ、ないと答えます。",
    new_chat="新しい会話",
    export="書き出し",
    dark="ダーク",
    light="ライト",
    skip="質問欄へ移動",
    welcome="会談記録に書かれていることを尋ねる",
    loaded_one="{count}件の文書を読み込みました。回答は原文の引用と段落番号で示します。",
    loaded_many="{count}件の文書を読み込みました。回答は原文の引用と段落番号で示します。",
    examples="文書が答えられる質問",
    question="文書について質問する",
    send="質問する",
    conversation="会話",
    searching="文書を検索しています…",
    answered_one="該当する箇所は1件です。原文のまま引用します。",
    answered_many="該当する箇所は{count}件です。原文のまま引用します。",
    related="文書はこの質問に答えていません",
    related_more="以下は関連する箇所ですが、いずれもこの質問の答えではありません。",
    not_found="文書に記載がありません",
    not_found_more="読み込んだ文書に、この質問に答える箇所はありません。",
    silence="記載がないことは、話題にならなかったことを意味しません。",
    nearest="近い箇所(答えではありません)",
    nearest_related="関連する箇所(いずれも答えではありません)",
    searched_for="検索した質問:",
    scope_narrowed="{total}件中{count}件の文書に尋ねました。",
    documents="文書",
    documents_hint="引用元または文書を選ぶと、引用文に印を付けてここに表示します。",
    paragraphs_one="{count}段落",
    paragraphs_many="{count}段落",
    undated="日付なし",
    no_issuer="発表者の記載なし",
    back="文書一覧",
    close="閉じる",
    copy_quote="引用をコピー",
    copy_link="リンクをコピー",
    copied="コピーしました",
    not_copied="コピーできませんでした",
    previous="前の引用",
    next="次の引用",
    shown="表示中",
    original="原典",
    verified="この引用はファイルの文言と一字一句同じです。",
    not_verified="索引の作成後にファイルが変更されています({reason})。",
    passage_changed="このリンクが示す箇所は変更または削除されています。現在の文書を表示しています。",
    document_gone="このリンクが示す文書は、ここにはありません。",
    bad_link="リンクが正しくないため、印は付けていません。",
    error="質問に答えられませんでした",
    error_more="{reason}",
    failed="問題が発生しました",
    failed_more="質問ではなく、アシスタント側の不具合です。もう一度お試しください。",
    empty_library="文書がまだありません",
    empty_library_more="source_docs フォルダーに文書(.txt、.md)を置き、"
    "「readout build」を実行してから、このページを再読み込みしてください。",
    no_index="まだ文書を検索できません",
    no_index_more="{reason}",
    gone="アシスタントが停止しています。このページはそのまま残り、自動で再接続します。",
    restarted="アシスタントが再起動しました。ここまでの質問は記憶されていません。",
    reload="新しく始める",
    needs_script="このページには JavaScript が必要です(このサーバーからのみ読み込みます)。",
)

LANGUAGES = {each.language: each for each in (ENGLISH, JAPANESE)}
