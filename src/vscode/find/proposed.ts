/**
 * The search APIs of VS Code that are still proposed, as far as they are used here: FileSearchProvider2, TextSearchProvider2 of
 * vscode.proposed.{file,text}SearchProvider2.d.ts. A published extension may not declare them, and Microsoft's builds keep them
 * from who has not; code-server and others do not. So they are not in package.json, and only looked for.
 */
import * as vscode from "vscode";

export interface FolderOptions {
  readonly folder: vscode.Uri;
  readonly includes: readonly string[];
  readonly excludes: readonly vscode.GlobPattern[];
  readonly followSymlinks: boolean;
  readonly useIgnoreFiles: { readonly local: boolean; readonly parent: boolean; readonly global: boolean };
  /** Of a text search. */
  readonly encoding?: string;
}

export interface FileSearchOptions {
  readonly folderOptions: readonly FolderOptions[];
  readonly maxResults?: number;
}

export interface FileSearchProvider {
  provideFileSearchResults(pattern: string, options: FileSearchOptions, token: vscode.CancellationToken): Promise<vscode.Uri[]>;
}

export interface TextSearchQuery {
  readonly pattern: string;
  readonly isMultiline?: boolean;
  readonly isRegExp?: boolean;
  readonly isCaseSensitive?: boolean;
  readonly isWordMatch?: boolean;
}

export interface TextSearchOptions extends FileSearchOptions {
  readonly previewOptions?: { readonly matchLines?: number; readonly charsPerLine?: number };
  readonly maxFileSize?: number | undefined;
  readonly surroundingContext?: number;
}

/** What a result is made with; opaque from then on. */
export interface ResultClasses {
  readonly match: new (uri: vscode.Uri, ranges: { sourceRange: vscode.Range; previewRange: vscode.Range }[], previewText: string) => object;
  readonly context: new (uri: vscode.Uri, text: string, lineNumber: number) => object;
}

export interface TextSearchComplete {
  readonly limitHit: boolean;
  /** Shown below the box; 2 is a warning. */
  readonly message?: readonly { readonly text: string; readonly type: 1 | 2 }[];
}

export interface TextSearchProvider {
  provideTextSearchResults(query: TextSearchQuery, options: TextSearchOptions, progress: vscode.Progress<object>, token: vscode.CancellationToken): Promise<TextSearchComplete>;
}

interface ProposedWorkspace {
  readonly registerFileSearchProvider2?: (scheme: string, provider: FileSearchProvider) => vscode.Disposable;
  readonly registerTextSearchProvider2?: (scheme: string, provider: TextSearchProvider) => vscode.Disposable;
}

interface ProposedClasses {
  readonly TextSearchMatch2?: ResultClasses["match"];
  readonly TextSearchContext2?: ResultClasses["context"];
}

/** Registers both, or none: undefined where this VS Code does not have them or does not let us. */
export function registerSearchProviders(scheme: string, files: FileSearchProvider, text: (classes: ResultClasses) => TextSearchProvider): vscode.Disposable | undefined {
  const registered: vscode.Disposable[] = [];
  try {
    // VS Code alone knows what these take; the shapes above are all that is known of them here.
    const { registerFileSearchProvider2: registerFiles, registerTextSearchProvider2: registerText } = vscode.workspace as ProposedWorkspace;
    const { TextSearchMatch2: match, TextSearchContext2: context } = vscode as ProposedClasses;
    if (registerFiles === undefined || registerText === undefined || match === undefined || context === undefined) return undefined;
    registered.push(registerFiles(scheme, files), registerText(scheme, text({ match, context })));
    return vscode.Disposable.from(...registered);
  } catch {
    // A build that has the functions but keeps them from us says so by throwing, some at the look already.
    for (const one of registered) one.dispose();
    return undefined;
  }
}
