// Only what needs types or sizes; formatting and quick lint are Biome's.
import tseslint from "typescript-eslint";

const sizes = {
  "max-lines": ["error", { max: 400 }],
  "max-lines-per-function": ["error", { max: 60 }],
  "max-params": ["error", 3],
  complexity: ["error", 12],
};
const typed = {
  "@typescript-eslint/no-floating-promises": "error",
  "@typescript-eslint/no-misused-promises": ["error", { checksVoidReturn: false }],
  "@typescript-eslint/return-await": ["error", "always"],
  "@typescript-eslint/switch-exhaustiveness-check": ["error", { considerDefaultExhaustiveForUnions: true }],
  "@typescript-eslint/only-throw-error": "error",
  "@typescript-eslint/no-explicit-any": "error",
};
const shape = {
  "no-restricted-syntax": [
    "error",
    { selector: "TSEnumDeclaration", message: "use a union of strings or a const object" },
    { selector: "TSParameterProperty", message: "declare the field" },
    { selector: "ExportDefaultDeclaration", message: "name the export" },
    { selector: "Program > VariableDeclaration[kind='let']", message: "no module-level mutable state" },
  ],
};
// Deciding must not read the clock, the process or chance (style: pure folders).
const pure = {
  "no-restricted-globals": ["error", "process", "setTimeout", "setInterval", "setImmediate", "Date", "fetch"],
  "no-restricted-properties": ["error", { object: "Math", property: "random" }],
};

export default tseslint.config(
  { ignores: ["src/wire/gen/**", "dist/**", "node_modules/**"] },
  {
    files: ["src/**/*.ts", "test/**/*.ts"],
    plugins: { "@typescript-eslint": tseslint.plugin },
    languageOptions: {
      parser: tseslint.parser,
      parserOptions: { project: "./tsconfig.json", tsconfigRootDir: `${import.meta.dirname}/..` },
    },
    rules: typed,
  },
  { files: ["src/**/*.ts"], rules: { ...sizes, ...shape } },
  { files: ["src/{plan,translate,measure,config,oci}/**/*.ts"], rules: pure },
);
