// Programs of documents: run as a user runs them, and held against what stands beside them.

/** Milliseconds that a program may take, on a busy machine. */
export const PATIENCE = 120_000;

/** How a program ended. */
export interface Outcome {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs a program to its end. */
export async function run(
  command: string,
  args: readonly string[],
  cwd: string,
  env: Readonly<Record<string, string>> = {},
): Promise<Outcome> {
  const child = new Deno.Command(command, {
    args: [...args],
    cwd,
    env: { NO_COLOR: "1", ...env },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    signal: AbortSignal.timeout(PATIENCE),
  }).spawn();
  const { code, stdout, stderr } = await child.output();
  return { code, stdout: new TextDecoder().decode(stdout), stderr: new TextDecoder().decode(stderr) };
}

/** What is wrong with how a program ended, and with what it printed; `null` if nothing is. */
export function complaintOf(
  where: string,
  text: string,
  { code, stdout, stderr }: Outcome,
  { exit = 0, output = null, mayComplain = false }: { exit?: number; output?: string | null; mayComplain?: boolean } =
    {},
): string | null {
  const tell = (what: string) => `${where}: ${what}\n--- stdout\n${stdout}--- stderr\n${stderr}`;
  if (code !== exit) return tell(`exit code ${code}, not ${exit}`);
  if (!mayComplain && stderr !== "") return tell("it writes to its standard error");
  if (output !== null && stdout !== output) return tell(`the output is not\n${output}`);
  const lines = new Set(stdout.split("\n").map((line) => line.trim()));
  for (const said of saidIn(text)) {
    if (!lines.has(said)) return tell(`no line of the output is "${said}"`);
  }
  return null;
}

/** What the comments behind a program's prints say of its output. */
function saidIn(text: string): string[] {
  const found = text.matchAll(/^.*\b(?:console\.log|print)\(.*\);? +(?:\/\/|#) (.*)$/gm);
  return [...found].map(([, said]) => said.trim()).filter((said) => !said.startsWith("such as "));
}
