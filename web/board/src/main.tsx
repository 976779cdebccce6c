import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/board.css";
import "./styles/detail.css";
import { Entrance } from "./pages/entrance";

createRoot(document.getElementById("root")!).render(<StrictMode><Entrance /></StrictMode>);
