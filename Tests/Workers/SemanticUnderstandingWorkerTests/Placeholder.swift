// SemanticUnderstanding
