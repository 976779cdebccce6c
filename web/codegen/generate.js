// Writes TypeScript types and operation documents from the committed schema and a file with operations.
//
//   node generate.js OPERATIONS OUTPUT [PACKAGE]          writes the file
//   node generate.js --check OPERATIONS OUTPUT [PACKAGE]  fails if the file is not current
//
// The file contains the types of all enums and inputs of the schema. With PACKAGE, it imports those that it needs from that package
// instead, and exports them again.

import { readFileSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import {
  buildSchema, getNamedType, isEnumType, isInputObjectType, isListType, isNonNullType, Kind, parse, print, specifiedRules,
  stripIgnoredCharacters, typeFromAST, validate,
} from "graphql";

const SCHEMA = new URL("../../schema/schema.graphql", import.meta.url);
const SCALARS = { ID: "string", String: "string", DateTime: "string", Int: "number", Float: "number", Boolean: "boolean" };
// A fragment in a file of operations may be used only by other files, so an unused fragment is no error here.
const RULES = specifiedRules.filter(({ name }) => name !== "NoUnusedFragmentsRule");

const schema = buildSchema(readFileSync(SCHEMA, "utf8"));

function description({ description }, indent = "") {
  return description ? `${indent}/** ${description.trim().replace(/\s+/g, " ").replaceAll("*/", "* /")} */\n` : "";
}

// The TypeScript type of a GraphQL type: `named`, the TypeScript type of its named type, wrapped for lists and null.
function wrapped(type, named) {
  if (isNonNullType(type)) return present(type.ofType, named);
  return `${present(type, named)} | null`;
}

function present(type, named) {
  return isListType(type) ? `readonly (${wrapped(type.ofType, named)})[]`.replace(/\((\w+)\)/, "$1") : named;
}

const inputName = (type) => SCALARS[getNamedType(type).name] ?? getNamedType(type).name;

function enumType(type) {
  return `${description(type)}export type ${type.name} = ${type.getValues().map(({ name }) => JSON.stringify(name)).join(" | ")};\n`;
}

function inputType(type) {
  const fields = Object.values(type.getFields()).map((field) => {
    const optional = !isNonNullType(field.type) || field.defaultValue !== undefined ? "?" : "";
    return `${description(field, "  ")}  readonly ${field.name}${optional}: ${wrapped(field.type, inputName(field.type))};\n`;
  });
  return `${description(type)}export interface ${type.name} {\n${fields.join("")}}\n`;
}

// The TypeScript type of the objects that a selection set selects.
function selected(selectionSet, type, indent) {
  const inner = `${indent}  `;
  const fields = [], spreads = [], alternatives = [];
  for (const selection of selectionSet.selections) {
    if (selection.kind === Kind.FIELD) fields.push(fieldOf(selection, type, inner));
    else if (selection.kind === Kind.FRAGMENT_SPREAD) spreads.push(selection.name.value);
    else alternatives.push(selected(selection.selectionSet, typeFromAST(schema, selection.typeCondition), indent));
  }
  const own = fields.length ? [`{\n${fields.join("")}${indent}}`] : [];
  const either = alternatives.length ? [`(${alternatives.join(" | ")})`] : [];
  return [...spreads, ...own, ...either].join(" & ");
}

function fieldOf({ name, alias, selectionSet }, type, indent) {
  const key = alias?.value ?? name.value;
  if (name.value === "__typename") return `${indent}readonly ${key}: ${JSON.stringify(type.name)};\n`;
  const field = type.getFields()[name.value];
  const named = getNamedType(field.type);
  const content = selectionSet ? selected(selectionSet, named, indent) : (SCALARS[named.name] ?? named.name);
  return `${description(field, indent)}${indent}readonly ${key}: ${wrapped(field.type, content)};\n`;
}

function variablesOf({ variableDefinitions }) {
  const fields = variableDefinitions.map(({ variable, type, defaultValue }) => {
    const graphqlType = typeFromAST(schema, type);
    const optional = !isNonNullType(graphqlType) || defaultValue ? "?" : "";
    return `  readonly ${variable.name.value}${optional}: ${wrapped(graphqlType, inputName(graphqlType))};\n`;
  });
  return fields.length ? `{\n${fields.join("")}}` : "Record<string, never>";
}

function spreadsOf(node, fragments, found = new Set()) {
  JSON.stringify(node, (_, value) => {
    if (value?.kind === Kind.FRAGMENT_SPREAD && !found.has(value.name.value)) {
      found.add(value.name.value);
      spreadsOf(fragments.get(value.name.value), fragments, found);
    }
    return value?.kind && value.loc ? { ...value, loc: undefined } : value;
  });
  return found;
}

function fragmentType(fragment) {
  const type = typeFromAST(schema, fragment.typeCondition);
  return `${description(type)}export type ${fragment.name.value} = ${selected(fragment.selectionSet, type, "")};\n`;
}

function operationType(operation, fragments) {
  const name = operation.name.value;
  const parts = [operation, ...[...spreadsOf(operation, fragments)].map((spread) => fragments.get(spread))];
  const text = stripIgnoredCharacters(parts.map(print).join("\n"));
  const result = selected(operation.selectionSet, schema.getRootType(operation.operation), "");
  return [
    `export type ${name}Result = ${result};\n`,
    `export type ${name}Variables = ${variablesOf(operation)};\n`,
    `export const ${name} = ${JSON.stringify(text)} as TypedDocument<${name}Result, ${name}Variables>;\n`,
  ].join("\n");
}

// The names of the types that a text mentions in TypeScript code. Comments may mention other types.
function mentioned(text, types) {
  const code = text.replace(/\/\*\*.*?\*\//gs, "");
  return types.map(({ name }) => name).filter((name) => new RegExp(`\\b${name}\\b(?!:)`).test(code));
}

// The content of the output file. `typesPackage`: the package that exports `TypedDocument`, the enums and the inputs; undefined for that package itself.
function generated(operationsFile, typesPackage) {
  const document = parse(readFileSync(operationsFile, "utf8"));
  const faults = validate(schema, document, RULES);
  if (faults.length) throw new Error(faults.join("\n"));
  const fragments = new Map(document.definitions.filter(({ kind }) => kind === Kind.FRAGMENT_DEFINITION).map((each) => [each.name.value, each]));
  const operations = document.definitions.filter(({ kind }) => kind === Kind.OPERATION_DEFINITION);
  const types = Object.values(schema.getTypeMap()).filter(({ name }) => !name.startsWith("__"));
  const [enums, inputs] = [types.filter(isEnumType), types.filter(isInputObjectType)];
  const content = [...[...fragments.values()].map(fragmentType), ...operations.map((operation) => operationType(operation, fragments))].join("\n");
  const imported = typesPackage ? mentioned(content, [...enums, ...inputs]) : [];
  return [
    `// Generated from schema/schema.graphql and ${basename(operationsFile)} by \`npm run generate\`. Do not edit.\n`,
    `import type { ${[...imported, "TypedDocument"].sort().join(", ")} } from ${JSON.stringify(typesPackage ?? "./document.js")};\n`,
    ...(typesPackage ? [`export type { ${imported.join(", ")} };\n`] : [...enums.map(enumType), ...inputs.map(inputType)]),
    content,
  ].join("\n");
}

const [check, rest] = process.argv[2] === "--check" ? [true, process.argv.slice(3)] : [false, process.argv.slice(2)];
const [operationsFile, output, typesPackage] = rest;
const content = generated(operationsFile, typesPackage);
if (!check) writeFileSync(output, content);
else if (readFileSync(output, "utf8") !== content) {
  console.error(`${output} is not current: run \`npm run generate\` in web.`);
  process.exit(1);
}
