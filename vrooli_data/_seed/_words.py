"""The words that names and texts are made of, in several languages and scripts."""

from __future__ import annotations

import msgspec


class Words(msgspec.Struct, frozen=True):
    """What one language brings."""

    given_names: tuple[str, ...]
    family_names: tuple[str, ...]
    actions: tuple[str, ...]
    subjects: tuple[str, ...]
    #: Between words; some scripts write none.
    space: str = " "

    @property
    def everything(self) -> tuple[str, ...]:
        """The words that texts are made of."""
        return self.actions + self.subjects


def _words(given: str, family: str, actions: str, subjects: str, space: str = " ") -> Words:
    return Words(
        tuple(given.split()),
        tuple(family.split()),
        tuple(actions.split()),
        tuple(subjects.split()),
        space,
    )


EMOJI = (
    "🚀",
    "🔥",
    "✨",
    "🧪",
    "📈",
    "🤖",
    "🧠",
    "🛠\ufe0f",
    "🌍",
    "🎯",
    "📦",
    "🔒",
    "👩\u200d💻",
    "🏳\ufe0f\u200d🌈",
    "🇬🇷",
    "👍🏽",
)

WORDS = {
    "en": _words(
        "Ada Grace Alan Edsger Barbara Donald Frances Ken Margaret Dennis Radia Linus Hedy Claude",
        "Lovelace Hopper Turing Smith Jones O'Neill Knuth Allen Hamilton Perlman Shannon Taylor",
        "Summarise Translate Review Plan Draft Parse Validate Export Merge Compare Schedule Rank "
        "Classify Extract Convert Monitor Clean Index Publish Route",
        "invoices contracts meetings tickets recipes essays tests schemas budgets photos letters "
        "surveys lessons papers journeys releases backups feeds logs articles datasets forms "
        "reports orders calendars leads patents maps scripts queries",
    ),
    "de": _words(
        "Anna Jürgen Käthe Björn Lena Moritz Ursula Günther",
        "Müller Schäfer Groß Weiß Köhler Bäcker Schröder Vogel",
        "Prüfe Übersetze Plane Entwirf Vergleiche Ordne Sammle Veröffentliche Lösche Schätze",
        "Rechnungen Verträge Straßen Bücher Übungen Maße Anträge Lieferungen Gespräche Berichte "
        "Rezepte Größen Schlüssel Wörter",
    ),
    "fr": _words(
        "Chloé François Zoé Jérôme Élise Benoît Inès Loïc",
        "Lefèvre Dupré Noël Garçon Bézier Moreau Côté Roux",
        "Résumer Traduire Vérifier Préparer Écrire Trier Créer Déployer Compléter Évaluer",
        "factures contrats réunions élèves leçons modèles données tâches commandes œuvres "
        "dépêches hôtels fenêtres thèses",
    ),
    "es": _words(
        "José Lucía Íñigo Sofía Andrés Begoña Raúl Núria",
        "Muñoz García Peña Ibáñez López Ordóñez Vázquez Ríos",
        "Resumir Traducir Revisar Diseñar Escribir Ordenar Enseñar Publicar Añadir Corregir",
        "facturas contratos reuniones lecciones años diseños pruebas recetas señales páginas "
        "búsquedas imágenes números países",
    ),
    "pt": _words(
        "João Conceição Zé Luísa Antônio Inês Simão Vânia",
        "Gonçalves Simões Araújo Conceição Falcão Peixoto Guimarães Brandão",
        "Resumir Traduzir Rever Esboçar Ordenar Lançar Comparar Avaliar",
        "faturas reuniões lições orçamentos ações pães traduções canções mãos órgãos",
    ),
    "ru": _words(
        "Анна Пётр Ольга Андрей Мария Юрий Софья Фёдор",
        "Иванова Щербаков Ковалевская Колмогоров Марков Чебышёв Ершов Соболев",
        "Проверить Перевести Составить Сравнить Упорядочить Собрать Опубликовать Извлечь",
        "счета договоры встречи уроки отчёты рецепты письма таблицы ошибки заявки ключи языки "
        "съёмки объявления",
    ),
    "el": _words(
        "Ελένη Νίκος Σοφία Γιώργος Άννα Οδυσσέας",
        "Παπαδόπουλος Οικονόμου Λεβέντης Καζαντζάκη Σεφέρης Ελύτης",
        "Έλεγξε Μετάφρασε Σχεδίασε Σύγκρινε Ταξινόμησε Γράψε",
        "τιμολόγια συμβόλαια μαθήματα συνταγές αναφορές λάθη γλώσσες χάρτες βιβλία ιδέες",
    ),
    "zh": _words(
        "伟 芳 娜 敏 静 丽 强 磊 洋 艳",
        "王 李 张 刘 陈 杨 赵 黄 欧阳 司马",
        "总结 翻译 检查 规划 起草 解析 验证 导出 合并 比较",
        "发票 合同 会议 工单 食谱 文章 测试 预算 照片 信件 课程 论文 日志 数据集",
        space="",
    ),
    "ja": _words(
        "さくら 陽翔 結衣 蓮 ひなた 悠真 葵 湊",
        "佐藤 鈴木 高橋 田中 伊藤 渡邉 齋藤 山本",
        "要約する 翻訳する 確認する 計画する 分類する 変換する 公開する",
        "請求書 契約書 会議 チケット レシピ 記事 テスト 予算 写真 手紙 レッスン ログ",
        space="",
    ),
    "ar": _words(
        "محمد فاطمة علي مريم يوسف ليلى حسن نور",
        "الخوارزمي الهاشمي حداد نجار المصري البغدادي الفارابي",
        "تلخيص ترجمة مراجعة تخطيط كتابة مقارنة ترتيب تصدير",
        "الفواتير العقود الاجتماعات الدروس التقارير الوصفات الرسائل الصور الخرائط البيانات",
    ),
    "he": _words(
        "נועה דוד תמר יוסף מיכל אורי שירה איתן",
        "כהן לוי מזרחי פרץ ביטון אזולאי שפירא",
        "לסכם לתרגם לבדוק לתכנן לכתוב להשוות למיין",
        "חשבוניות חוזים פגישות שיעורים דוחות מתכונים מכתבים תמונות מפות נתונים",
    ),
}

#: How many of a hundred write in each.
LANGUAGES = {
    "en": 54,
    "es": 7,
    "de": 6,
    "fr": 6,
    "pt": 4,
    "ru": 6,
    "el": 2,
    "zh": 6,
    "ja": 4,
    "ar": 3,
    "he": 2,
}
