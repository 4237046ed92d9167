"""The words of the chat's page, in English and Japanese, and dates in the reader's form."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from assistant.web.reasons import in_language


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
    export_markdown: str
    export_html: str
    print_page: str
    menu: str
    dark: str
    light: str
    skip: str
    welcome: str
    loaded_one: str
    loaded_many: str
    examples: str
    also_answered: str
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
    helpful: str
    not_helpful: str
    thanks: str
    elsewhere: str
    before: str
    nearest: str
    nearest_related: str
    searched_for: str
    exported: str
    scope_narrowed: str
    documents: str
    documents_hint: str
    search: str
    group_by: str
    by_date: str
    by_issuer: str
    narrow: str
    issuer: str
    any_issuer: str
    since: str
    until: str
    ask_only: str
    asking_all_one: str
    asking_all_many: str
    asking_some: str
    change_scope: str
    clear_scope: str
    nothing_found: str
    more_found: str
    scope: str
    add: str
    add_hint: str
    add_text: str
    add_title: str
    add_date: str
    add_issuer: str
    add_files: str
    add_submit: str
    adding: str
    added_one: str
    added_many: str
    left_out: str
    nothing_to_add: str
    remove: str
    remove_sure: str
    removed: str
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
    failed: str
    failed_more: str
    empty_library: str
    empty_library_more: str
    no_index: str
    no_index_more: str
    build: str
    gone: str
    restarted: str
    busy: str
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

    def because(self, error: object) -> str:
        """What is wrong as a sentence of its own."""
        words = self.reason(error)
        return f"{words[:1].upper()}{words[1:]}{'。' if self.language == 'ja' else '.'}"

    def reason(self, error: object) -> str:
        """What is wrong as part of a sentence."""
        return in_language(str(error), self.language)

    def asking(self, count: int, total: int) -> str:
        """Which of ``total`` readouts a question is asked of now."""
        if count < total:
            return self.asking_some.format(count=count, total=total)
        all_of_them = self.asking_all_one if total == 1 else self.asking_all_many
        return all_of_them.format(count=total)

    def added(self, count: int) -> str:
        return (self.added_one if count == 1 else self.added_many).format(count=count)

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
    export_markdown="As Markdown",
    export_html="As a web page",
    print_page="Print",
    menu="More",
    dark="Dark",
    light="Light",
    skip="Skip to the question",
    welcome="Ask what the readouts say",
    loaded_one="{count} readout loaded. Each answer quotes the source and cites the paragraph.",
    loaded_many="{count} readouts loaded. Each answer quotes the source and cites the paragraph.",
    examples="Questions the readouts answer",
    also_answered="The readouts also answer:",
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
    helpful="Helpful",
    not_helpful="Not helpful",
    thanks="Thank you. Noted, on the computer this assistant runs on only.",
    elsewhere="Not in the readouts you asked, but in others:",
    before="(Before it: {words})",
    nearest="Nearest passages, which do not answer it",
    nearest_related="Related passages, none of which answers it",
    searched_for="Searched for:",
    exported="Exported on {when}. Every quote is the document’s own words.",
    scope_narrowed="Asked of {count} of {total} readouts.",
    documents="Documents",
    documents_hint="Choose a citation or a document. "
    "It opens here with the quoted sentence marked.",
    search="Search titles and text",
    group_by="Group by",
    by_date="Date",
    by_issuer="Issuer",
    narrow="Ask only some readouts",
    issuer="Issuer",
    any_issuer="Any",
    since="From",
    until="To",
    ask_only="Ask only {title}",
    asking_all_one="Asking the {count} readout here",
    asking_all_many="Asking all {count} readouts",
    asking_some="Asking {count} of {total} readouts",
    change_scope="Choose",
    clear_scope="Ask all",
    nothing_found="No readout matches.",
    more_found="{count} more match. Search more closely to see them.",
    scope="Readouts asked",
    add="Add readouts",
    add_hint="Paste a readout, or choose files ({formats}, up to {megabytes} MB each). "
    "They stay on the computer that this assistant runs on.",
    add_text="Text",
    add_title="Title",
    add_date="Date",
    add_issuer="Issuer",
    add_files="Files",
    add_submit="Add and index",
    adding="Indexing…",
    added_one="{count} readout was added and can be asked now.",
    added_many="{count} readouts were added and can be asked now.",
    left_out="Left out:",
    nothing_to_add="Nothing was added: paste a text or choose a file.",
    remove="Remove",
    remove_sure="Remove “{title}” from the library? Its file moves to source_docs/.removed.",
    removed="“{title}” was removed.",
    paragraphs_one="{count} paragraph",
    paragraphs_many="{count} paragraphs",
    undated="Undated",
    no_issuer="Issuer not given",
    back="Documents",
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
    failed="Something went wrong here",
    failed_more="This is a fault of the assistant, not of your question. Please ask again.",
    empty_library="There are no readouts yet",
    empty_library_more="Put readouts (.txt or .md) into the folder source_docs, "
    "run “readout build”, and reload this page.",
    no_index="The readouts cannot be searched yet",
    no_index_more="Whoever runs this assistant can put that right.",
    build="Build the index now",
    gone="The assistant is not running. This page is kept, and connects again by itself.",
    restarted="The assistant was restarted. Earlier questions here are no longer remembered.",
    busy="Too many people are asking just now. Your question is kept: ask again in a moment.",
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
    export_markdown="Markdown 形式",
    export_html="ウェブページ形式",
    print_page="印刷",
    menu="メニュー",
    dark="ダーク",
    light="ライト",
    skip="質問欄へ移動",
    welcome="会談記録に書かれていることを尋ねる",
    loaded_one="{count}件の文書を読み込みました。回答は原文の引用と段落番号で示します。",
    loaded_many="{count}件の文書を読み込みました。回答は原文の引用と段落番号で示します。",
    examples="文書が答えられる質問",
    also_answered="文書は次の質問にも答えます。",
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
    helpful="役に立った",
    not_helpful="役に立たなかった",
    thanks="ありがとうございます。このアシスタントが動いているコンピューターにだけ記録しました。",
    elsewhere="対象とした文書にはありませんが、ほかの文書にあります。",
    before="(その前の文:{words})",
    nearest="近い箇所(答えではありません)",
    nearest_related="関連する箇所(いずれも答えではありません)",
    searched_for="検索した質問:",
    exported="{when}に書き出しました。引用はすべて文書の言葉そのものです。",
    scope_narrowed="{total}件中{count}件の文書に尋ねました。",
    documents="文書",
    documents_hint="引用元または文書を選ぶと、引用文に印を付けてここに表示します。",
    search="題名と本文を検索",
    group_by="分類",
    by_date="日付",
    by_issuer="発表者",
    narrow="一部の文書だけに尋ねる",
    issuer="発表者",
    any_issuer="すべて",
    since="開始日",
    until="終了日",
    ask_only="{title}だけに尋ねる",
    asking_all_one="ここにある{count}件の文書に尋ねます",
    asking_all_many="{count}件すべての文書に尋ねます",
    asking_some="{total}件中{count}件の文書に尋ねます",
    change_scope="選ぶ",
    clear_scope="すべてに戻す",
    nothing_found="該当する文書はありません。",
    more_found="ほかに{count}件あります。検索語を足してください。",
    scope="尋ねる文書",
    add="文書を追加",
    add_hint="本文を貼り付けるか、ファイルを選んでください({formats}、1件{megabytes} MBまで)。"
    "このアシスタントが動いているコンピューターの外には送られません。",
    add_text="本文",
    add_title="題名",
    add_date="日付",
    add_issuer="発表者",
    add_files="ファイル",
    add_submit="追加して索引を作成",
    adding="索引を作成しています…",
    added_one="{count}件の文書を追加しました。すぐに質問できます。",
    added_many="{count}件の文書を追加しました。すぐに質問できます。",
    left_out="追加できなかったもの:",
    nothing_to_add="追加するものがありません。本文を貼り付けるか、ファイルを選んでください。",
    remove="削除",
    remove_sure="「{title}」を削除しますか?ファイルは source_docs/.removed に移されます。",
    removed="「{title}」を削除しました。",
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
    failed="問題が発生しました",
    failed_more="質問ではなく、アシスタント側の不具合です。もう一度お試しください。",
    empty_library="文書がまだありません",
    empty_library_more="source_docs フォルダーに文書(.txt、.md)を置き、"
    "「readout build」を実行してから、このページを再読み込みしてください。",
    no_index="まだ文書を検索できません",
    no_index_more="このアシスタントの管理者が対処できます。",
    build="索引を作成する",
    gone="アシスタントが停止しています。このページはそのまま残り、自動で再接続します。",
    restarted="アシスタントが再起動しました。ここまでの質問は記憶されていません。",
    busy="ただいま大変混み合っています。質問はそのまま残っていますので、少し待ってもう一度お試しください。",
    reload="新しく始める",
    needs_script="このページには JavaScript が必要です(このサーバーからのみ読み込みます)。",
)

LANGUAGES = {each.language: each for each in (ENGLISH, JAPANESE)}
